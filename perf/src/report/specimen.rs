//! Made-up runs for the tests of the reports.

use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;

use crate::environment::Environment;
use crate::link::LinkUse;
use crate::load::{Operation, Spin};
use crate::measured::{
    ClassMeasured, Errors, Generator, Loop, Measured, OperationMeasured, Packed, Reason, Second, ServerCost, Wrong,
};
use crate::slow::SlowMeasured;

const REQUESTS_PER_SECOND: u64 = 2000;

/// A valid run of two classes, one of which has a name full of markup.
pub(crate) fn run(seconds: u64) -> Measured {
    let class = |name: &str, base_ns: u64| ClassMeasured {
        name: name.into(),
        driven: Loop::Open,
        offered_per_second: REQUESTS_PER_SECOND as f64 / 2.0,
        requests: seconds * REQUESTS_PER_SECOND / 2,
        achieved: seconds * REQUESTS_PER_SECOND / 2,
        errors: Errors::default(),
        wrong: Wrong::default(),
        response_ns: times(seconds * REQUESTS_PER_SECOND / 2, base_ns, 1),
        service_ns: times(seconds * REQUESTS_PER_SECOND / 2, base_ns / 2, 2),
        lag_ns: times(seconds * REQUESTS_PER_SECOND / 2, 5_000, 3),
        lag_server_ns: times(seconds * REQUESTS_PER_SECOND / 2, 3_000, 4),
        lag_generator_ns: times(seconds * REQUESTS_PER_SECOND / 2, 2_000, 5),
        operations: vec![operation(Operation::Get, seconds * REQUESTS_PER_SECOND / 2, base_ns)],
    };
    Measured {
        driven: Loop::Open,
        began: UNIX_EPOCH + Duration::from_millis(1_780_000_000_250),
        lasted: Duration::from_secs(seconds),
        slow: vec![slow()],
        classes: vec![class("get", 60_000), class("<script>\"&'", 200_000)],
        seconds: (0..seconds).map(second).collect(),
        generator: Generator {
            cpu: Duration::from_secs_f64(seconds as f64 * 0.12),
            busy: 0.12,
            threads: 1,
            spin: Spin::Always,
        },
        server: Some(ServerCost {
            cpu: Duration::from_secs_f64(seconds as f64 * 0.4),
            resident_bytes: 70 << 20,
            context_switches: 12_345,
        }),
        links: vec![LinkUse { name: "eth0".into(), speed_mbit: Some(1000), received_mbit: 94.2, sent_mbit: 8.0 }],
        reasons: Vec::new(),
        environment: Environment::look(vec!["spindle".into(), "load".into(), "<localhost>".into()]),
    }
}

/// One that has gone wrong in every way.
pub(crate) fn invalid_run(seconds: u64) -> Measured {
    let mut measured = run(seconds);
    measured.reasons = vec![
        Reason::GeneratorLate { class: Some("get".into()), p99_9_ns: 812_000, bound_ns: 50_000 },
        Reason::CutShort { after: Duration::from_secs(seconds), cause: "<b>the server died</b>".into() },
    ];
    measured.classes[0].errors = Errors { refused: 1, unfinished: 2, broken: 3, malformed: 4 };
    measured.classes[1].wrong =
        Wrong { corrupt: 1, stale: 2, torn: 3, swapped: 4, length: 5, lost: 6, ..Wrong::default() };
    if let Some(second) = measured.seconds.last_mut() {
        (second.errors, second.wrong) = (10, 21);
    }
    measured
}

/// One whose second class is a closed loop.
pub(crate) fn partly_closed_run(seconds: u64) -> Measured {
    let mut measured = run(seconds);
    measured.classes[1].driven = Loop::Closed;
    measured
}

/// One of closed loops alone.
pub(crate) fn closed_run(seconds: u64) -> Measured {
    let mut measured = run(seconds);
    measured.driven = Loop::Closed;
    measured.classes.iter_mut().for_each(|class| class.driven = Loop::Closed);
    measured
}

/// One whose only class asks for two things, of which the second takes ten times as long.
pub(crate) fn mixed_run(seconds: u64) -> Measured {
    let mut measured = run(seconds);
    measured.classes.truncate(1);
    let requests = measured.classes[0].requests;
    measured.classes[0].operations = vec![
        operation(Operation::Get, requests - requests / 10, 60_000),
        operation(Operation::Set, requests / 10, 600_000),
        operation(Operation::Add, 0, 0),
    ];
    measured
}

fn operation(operation: Operation, requests: u64, base_ns: u64) -> OperationMeasured {
    OperationMeasured {
        operation,
        requests,
        response_ns: times(requests, base_ns, 1),
        service_ns: times(requests, base_ns / 2, 2),
        lag_ns: times(requests, 5_000, 3),
        lag_server_ns: times(requests, 3_000, 4),
        lag_generator_ns: times(requests, 2_000, 5),
    }
}

fn slow() -> SlowMeasured {
    SlowMeasured {
        name: "<uploads>".into(),
        attached_now: 1990,
        attached_max: 2000,
        planned: 2000,
        missing_at_begin: 1,
        begun: 2400,
        connect_failed: 1,
        completed: 400,
        answered_as_expected: 398,
        refused: 3,
        unexpected: 0,
        cut_by_server: 6,
        aborted: 2,
        bytes_sent: 5_000_000,
        bytes_received: 80_000,
    }
}

fn second(at: u64) -> Second {
    // A slow second once in a while, so that a plot has something to show.
    let base_ns = if at % 41 == 17 { 900_000 } else { 70_000 + at % 7 * 3_000 };
    Second {
        offered: REQUESTS_PER_SECOND,
        achieved: REQUESTS_PER_SECOND - at * 7 % 13,
        in_flight: 3 + at % 5,
        errors: 0,
        wrong: 0,
        response_ns: Packed::of(&times(REQUESTS_PER_SECOND, base_ns, at + 10)),
        server_cpu: Some(Duration::from_secs_f64(0.4 + (at % 11) as f64 * 0.005)),
    }
}

/// A long tail above `base_ns`: a Pareto distribution, from a seed.
fn times(count: u64, base_ns: u64, seed: u64) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 100_000_000_000, 3).unwrap();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for _ in 0..count {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 11) as f64 / (1u64 << 53) as f64;
        histogram.saturating_record((base_ns as f64 * (1.0 - uniform).powf(-0.4)) as u64);
    }
    histogram
}
