//! The structure of the page; how it looks is for eyes.

use hdrhistogram::Histogram;

use super::*;
use crate::measured::Packed;
use crate::report::specimen;
use crate::report::summary::Row;
use crate::sweep::result::SweepResult;

fn page_of(summary: &Summary) -> String {
    page(&[Run { label: "", summary }])
}

/// Every element of the body that is opened is closed, in order, and no attribute ends early.
fn assert_well_formed(page: &str) {
    let (_, body) = page.split_once("<body>").expect("a body");
    let mut open = vec!["html", "body"];
    for tag in body.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("no end: {tag}"));
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or_default()),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn a_valid_run_has_its_plots_and_no_banner() {
    let page = page_of(&Summary::of(&specimen::run(30)));
    assert_well_formed(&page);
    for id in ["percentiles-0", "rates-0", "latencies-0", "server-0"] {
        assert_eq!(page.matches(&format!("<title id=\"{id}-t\">")).count(), 1, "{id}");
        assert_eq!(page.matches(&format!("<desc id=\"{id}-d\">")).count(), 1, "{id}");
    }
    assert!(!page.contains("class=\"banner") && !page.contains("failures-0"));
    assert!(page.contains("prefers-color-scheme: dark"));
    // 30 seconds to point at, in the two plots that have something to say of each.
    assert_eq!(page.matches("<rect class=\"hit\"").count(), 60);
    for text in ["99.9 %", "1 ms", "context switches", "by the generator"] {
        assert!(page.contains(text), "{text}");
    }
    for number in ["NaN", "inf", "-0.0 "] {
        assert!(!page.contains(number), "{number}");
    }
}

#[test]
fn operations_have_rows_of_their_own() {
    let page = page_of(&Summary::of(&specimen::mixed_run(5)));
    assert_well_formed(&page);
    for operation in ["get", "set"] {
        let row = format!("<tr class=\"part\"><th scope=\"row\">{operation}</th>");
        assert_eq!(page.matches(&row).count(), 1, "{operation}");
    }
}

#[test]
fn nothing_comes_from_elsewhere_and_nothing_runs() {
    let page = page_of(&Summary::of(&specimen::invalid_run(5)));
    for forbidden in ["http:", "https:", "url(", "@import", "<script", "<link", "src=", "href="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn an_invalid_run_says_why() {
    let page = page_of(&Summary::of(&specimen::invalid_run(5)));
    assert_well_formed(&page);
    assert!(page.contains("<strong>INVALID</strong>"));
    assert!(page.contains(
        "<li>the generator was late for class &quot;get&quot;: 812.0 µs at p99.9, 50.0 µs is the bound</li>"
    ));
    assert!(page.contains("&lt;b&gt;the server died&lt;/b&gt;"));
    assert!(page.contains("failures-0"));
    assert!(page.contains("4 malformed") && page.contains("6 lost"));
}

#[test]
fn names_and_command_lines_are_escaped() {
    let summary = Summary::of(&specimen::run(5));
    let page = page(&[Run { label: "<i>\"", summary: &summary }]);
    assert_well_formed(&page);
    assert!(page.contains("&lt;script&gt;&quot;&amp;&#39;") && page.contains("&lt;localhost&gt;"));
    assert!(page.contains("<title>&lt;i&gt;&quot;: "));
}

#[test]
fn a_closed_loop_says_what_it_is_not_for() {
    let page = page_of(&Summary::of(&specimen::closed_run(5)));
    assert!(page.contains("Closed loop: throughput only, latency not comparable"));
    assert_eq!(page.matches("class=\"banner").count(), 1);
}

#[test]
fn a_closed_class_beside_an_open_one_says_where_its_times_are() {
    let page = page_of(&Summary::of(&specimen::partly_closed_run(5)));
    assert_well_formed(&page);
    assert!(page.contains("&#39;: closed loop: throughput only, latency not comparable."), "{page}");
    assert_eq!(page.matches("class=\"banner").count(), 1);
    assert!(page.contains(">open loops</li>") && page.contains("&#39; (closed loop)</li>"), "{page}");
    assert!(
        page.contains("&#39; (closed loop)</caption>") && page.contains("5,000 requests, 1,000 a second."),
        "{page}"
    );
    assert!(page.contains("<caption>All requests; times of the open loops</caption>"), "{page}");
}

#[test]
fn several_runs_stand_beside_each_other() {
    let mut summaries: Vec<Summary> = (1..=4).map(|seconds| Summary::of(&specimen::run(seconds))).collect();
    for (at, summary) in summaries.iter_mut().enumerate() {
        summary.total.offered_per_second = 1000.0 * (at + 1) as f64;
    }
    summaries[3].valid = false;
    let runs = |labels: [&'static str; 4]| summaries.iter().zip(labels).map(|(summary, label)| Run { label, summary });

    let one_server: String = page(&runs(["spindle"; 4]).collect::<Vec<_>>());
    assert_well_formed(&one_server);
    assert!(one_server.contains("<title id=\"load-t\">Latency against load</title>"));
    assert!(one_server.contains("INVALID: spindle, 4,000/s"));
    assert_eq!(one_server.matches(" hollow\"").count(), 3);
    assert_eq!(one_server.matches("<details>").count(), 4);
    // One of all runs, and one in each of them.
    assert_eq!(one_server.matches(">Latency by percentile</title>").count(), 5);

    let two_servers: String = page(&runs(["spindle", "memcached", "spindle", "memcached"]).collect::<Vec<_>>());
    assert_well_formed(&two_servers);
    for rank in ["p50", "p99", "p99.9"] {
        assert!(two_servers.contains(&format!(">Latency against load, {rank}</title>")), "{rank}");
    }
}

#[test]
fn a_ladder_has_its_knees_its_limit_and_its_medians() {
    let sweep = crate::sweep::table::tests::sweep();
    let page = page_of_ladder(&sweep);
    assert_well_formed(&page);
    assert!(page.contains("<title>Latency against load: spindle, memcached</title>"));
    assert!(
        page.contains("<dt>memcached</dt><dd>knee (p99.9 within 2.00 ms): 4,000 requests a second; at 8,000 invalid")
    );
    assert_eq!(page.matches("class=\"line rest dashed\"").count(), 1, "the limit is drawn where it belongs");
    // A line a server and plot, a dot a run and plot.
    assert_eq!(page.matches("<path class=\"line s").count(), 2 * 3);
    assert_eq!(page.matches("<circle").count(), sweep.runs.len() * 3);
    assert_eq!(page.matches(" hollow\"").count(), 6 * 3);
    assert!(!page.contains("NaN") && !page.contains("inf "));
}

/// Arrivals of chance offer each run a little more or less than was asked for.
#[test]
fn runs_of_a_step_are_drawn_at_its_load() {
    let plots = |result: &SweepResult| {
        let page = page_of_ladder(result);
        let (_, plots) = page.split_once("<figure").unwrap();
        plots.split_once("<h2>Steps</h2>").unwrap().0.to_owned()
    };
    let mut sweep = crate::sweep::table::tests::sweep();
    let as_asked = plots(&sweep);
    for (at, run) in sweep.runs.iter_mut().enumerate() {
        run.result.total.offered_per_second *= 0.99 + 0.01 * (at % 3) as f64;
    }
    assert_eq!(plots(&sweep), as_asked);
}

#[test]
fn a_run_without_answers_has_a_page() {
    for seconds in [0, 1] {
        let mut measured = specimen::run(seconds);
        for class in &mut measured.classes {
            class.response_ns.reset();
            class.requests = 0;
        }
        for second in &mut measured.seconds {
            second.response_ns = Packed::of(&Histogram::new(3).unwrap());
            second.server_cpu = None;
        }
        let page = page_of(&Summary::of(&measured));
        assert_well_formed(&page);
        assert!(!page.contains("NaN") && !page.contains("percentiles-0-t"));
    }
    assert_well_formed(&page(&[]));
}

#[test]
fn size_is_bounded() {
    const PAGE_BYTES_MAX: usize = 1_000_000;
    let summary = Summary::of(&specimen::run(600));
    let page = page_of(&summary);
    assert!(page.len() < PAGE_BYTES_MAX, "{} bytes", page.len());

    let mut day = summary.clone();
    day.timeline = (0..86_400u64).map(|at_s| Row { at_s, ..summary.timeline[at_s as usize % 600].clone() }).collect();
    let page = page_of(&day);
    assert!(page.len() < PAGE_BYTES_MAX, "{} bytes", page.len());
}

#[test]
fn slow_clients_have_a_table() {
    let mut summary = Summary::of(&specimen::run(2));
    let page = page_of(&summary);
    assert!(page.contains("<caption>Slow clients</caption>"), "{page}");
    assert!(page.contains("<th scope=\"row\">&lt;uploads&gt;</th><td>1,990</td><td>2,000</td>"), "{page}");
    summary.slow.clear();
    assert!(!page_of(&summary).contains("Slow clients"));
}
