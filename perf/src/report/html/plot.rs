//! One plot: its frame, and what is drawn within.

use std::fmt::{self, Write};

use super::scale::Axis;
use super::text::Text;

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 26.0;
/// Room for the labels of the x axis and its title.
const BOTTOM: f64 = 44.0;
const COLOURS: usize = 6;

/// Where a plot stands in its page.
pub(super) struct Caption<'a> {
    /// Of its own within the page.
    pub(super) id: String,
    pub(super) title: &'a str,
    /// What the picture says, for those who do not see it.
    pub(super) description: String,
    pub(super) legend: &'a [Key<'a>],
}

/// A name in the legend.
pub(super) struct Key<'a> {
    pub(super) name: &'a str,
    pub(super) class: &'a str,
}

/// The body of a figure, as far as it is drawn.
pub(super) struct Plot {
    x: Axis,
    y: Axis,
    height: f64,
    body: String,
}

/// The classes of the series at `at`: when the colours are used up they come again, dashed.
pub(super) fn series(at: usize) -> String {
    format!("s{}{}", at % COLOURS, if at / COLOURS % 2 == 1 { " dashed" } else { "" })
}

impl Plot {
    /// An empty frame around an area that is `height` pixels high at full size.
    pub(super) fn new(x: Axis, y: Axis, height: f64) -> Plot {
        Plot { x, y, height, body: String::new() }
    }

    fn left(&self, x: f64) -> f64 {
        LEFT + self.x.share(x).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn top(&self, y: f64) -> f64 {
        TOP + (1.0 - self.y.share(y).clamp(0.0, 1.0)) * self.height
    }

    /// A line through the points; `None` is a gap.
    pub(super) fn line(&mut self, class: &str, points: impl Iterator<Item = Option<(f64, f64)>>) -> fmt::Result {
        write!(self.body, "<path class=\"line {class}\" d=\"")?;
        let mut pen_is_down = false;
        for point in points {
            if let Some((x, y)) = point {
                let (left, top) = (self.left(x), self.top(y));
                // The stroke without length shows a point that has no neighbours.
                let command = if pen_is_down { "L" } else { "M" };
                let dot = if pen_is_down { "" } else { "h0" };
                write!(self.body, "{command}{left:.1} {top:.1}{dot}")?;
            }
            pen_is_down = point.is_some();
        }
        writeln!(self.body, "\"/>")
    }

    /// A point that says what it is.
    pub(super) fn dot(&mut self, class: &str, x: f64, y: f64, title: &str) -> fmt::Result {
        let (left, top) = (self.left(x), self.top(y));
        let title = Text(title);
        writeln!(
            self.body,
            "<circle class=\"{class}\" cx=\"{left:.1}\" cy=\"{top:.1}\" r=\"5\"><title>{title}</title></circle>"
        )
    }

    /// From nought up to `y`.
    pub(super) fn bar(&mut self, class: &str, (from, to): (f64, f64), y: f64) -> fmt::Result {
        let (left, right, top) = (self.left(from), self.left(to), self.top(y));
        let (width, height) = ((right - left).max(1.5), TOP + self.height - top);
        let size = format!("width=\"{width:.1}\" height=\"{height:.1}\"");
        writeln!(self.body, "<rect class=\"bar {class}\" x=\"{left:.1}\" y=\"{top:.1}\" {size}/>")
    }

    /// A part of the width that says what is in it when it is pointed at.
    pub(super) fn hit(&mut self, (from, to): (f64, f64), title: &str) -> fmt::Result {
        let (left, right) = (self.left(from), self.left(to));
        let (width, height, title) = (right - left, self.height, Text(title));
        let size = format!("width=\"{width:.1}\" height=\"{height}\"");
        writeln!(self.body, "<rect class=\"hit\" x=\"{left:.1}\" y=\"{TOP}\" {size}><title>{title}</title></rect>")
    }

    /// Writes the whole figure.
    pub(super) fn finish(self, out: &mut String, caption: &Caption<'_>) -> fmt::Result {
        let Caption { id, title, description, legend } = caption;
        writeln!(out, "<figure>\n<figcaption><h3>{}</h3>", Text(title))?;
        if !legend.is_empty() {
            writeln!(out, "<ul class=\"legend\">")?;
            for Key { name, class } in *legend {
                writeln!(out, "<li class=\"{class}\">{}</li>", Text(name))?;
            }
            writeln!(out, "</ul>")?;
        }
        let height = TOP + self.height + BOTTOM;
        write!(
            out,
            "</figcaption>\n<div class=\"scroll\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-labelledby=\"{id}-t {id}-d\">\n<title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n",
            Text(title),
            Text(description)
        )?;
        self.frame(out)?;
        out.push_str(&self.body);
        writeln!(out, "</svg></div>\n</figure>")
    }

    fn frame(&self, out: &mut String) -> fmt::Result {
        let (right, bottom) = (WIDTH - RIGHT, TOP + self.height);
        for tick in &self.y.ticks {
            let (top, label) = (self.top(tick.value), Text(&tick.label));
            writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {top:.1}H{right}\"/>")?;
            let (x, y) = (LEFT - 8.0, top + 4.0);
            if !tick.label.is_empty() {
                writeln!(out, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>")?;
            }
        }
        for tick in &self.x.ticks {
            let (left, label, y) = (self.left(tick.value), Text(&tick.label), bottom + 18.0);
            writeln!(out, "<path class=\"grid\" d=\"M{left:.1} {TOP}V{bottom}\"/>")?;
            writeln!(out, "<text x=\"{left:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>")?;
        }
        writeln!(out, "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>")?;
        let (x_title, y_title) = (Text(&self.x.title), Text(&self.y.title));
        writeln!(out, "<text x=\"0\" y=\"13\">{y_title}</text>")?;
        writeln!(out, "<text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{x_title}</text>", bottom + 38.0)
    }
}
