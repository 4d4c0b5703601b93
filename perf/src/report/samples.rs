//! A row a request, for who wants to draw his own conclusions. RFC 4180, though with bare line feeds.

use std::io::{self, Write};
use std::sync::mpsc::Receiver;

use crate::load::{Outcome, Sample};

/// Times in nanoseconds; `due_ns` from the begin of the measured time.
pub const HEAD: &str = "class,operation,due_ns,response_ns,service_ns,lag_server_ns,lag_generator_ns,outcome";

/// Writes the head, and every sample that comes until there are no more. `classes` are the names of the plan's.
///
/// # Errors
/// What the writer says. The samples that still come are taken and thrown away, so that nobody waits.
pub fn write(classes: &[String], samples: &Receiver<Vec<Sample>>, out: &mut impl Write) -> io::Result<()> {
    let classes: Vec<String> = classes.iter().map(|name| field(name)).collect();
    let mut written = writeln!(out, "{HEAD}");
    for batch in samples {
        if written.is_ok() {
            written = batch.iter().try_for_each(|sample| row(&classes, sample, out));
        }
    }
    written.and_then(|()| out.flush())
}

/// A name of which a separator is a part stands in quotes.
fn field(name: &str) -> String {
    match name.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.into(),
    }
}

fn row(classes: &[String], sample: &Sample, out: &mut impl Write) -> io::Result<()> {
    out.write_all(classes.get(sample.class).map_or("", |name| name).as_bytes())?;
    out.write_all(b",")?;
    out.write_all(sample.operation.name().as_bytes())?;
    let mut digits = itoa::Buffer::new();
    let Sample { due_ns, response_ns, service_ns, lag_server_ns, lag_generator_ns, .. } = *sample;
    for ns in [due_ns, response_ns, service_ns, lag_server_ns, lag_generator_ns] {
        out.write_all(b",")?;
        out.write_all(digits.format(ns).as_bytes())?;
    }
    writeln!(out, ",{}", name(&sample.outcome))
}

/// As docs/load-result.md has it.
fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Right => "right",
        Outcome::Wrong(fault) => fault.kind(),
        Outcome::Refused => "refused",
        Outcome::Broken => "broken",
        Outcome::Malformed => "malformed",
        Outcome::Unfinished => "unfinished",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::Fault;
    use crate::load::Operation;

    #[test]
    fn a_row_a_request_under_its_head() {
        let sample = Sample {
            class: 1,
            operation: Operation::Incr,
            due_ns: 5,
            response_ns: 40,
            service_ns: 30,
            lag_server_ns: 0,
            lag_generator_ns: 10,
            outcome: Outcome::Right,
        };
        let stale = Sample { outcome: Outcome::Wrong(Fault::Stale { version: 1, oldest: 2 }), ..sample };
        let (sender, samples) = std::sync::mpsc::channel();
        sender.send(vec![sample, stale]).unwrap();
        drop(sender);
        let mut out = Vec::new();
        write(&["a".into(), "b, \"c\"".into()], &samples, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let name = "\"b, \"\"c\"\"\"";
        assert_eq!(text, format!("{HEAD}\n{name},incr,5,40,30,0,10,right\n{name},incr,5,40,30,0,10,stale\n"));
    }
}
