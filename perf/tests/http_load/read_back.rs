//! What was uploaded is read back, from servers that have lost it, or some of it.

use std::net::SocketAddr;

use spindle_perf::describe::Fault;
use spindle_perf::load::Plan;
use spindle_perf::load::http::{Filling, ReadBack, ReadBackError, read_back};

use super::scripted::serve;
use super::server::{Liar, Lie, Manner};
use super::{http, measure, plan};

/// Of ten objects.
fn back(plan: &mut Plan) -> Result<ReadBack, ReadBackError> {
    let of_class = http(plan).clone();
    read_back(&plan.classes[0], &of_class)
}

fn after_uploads(lie: Lie, manner: Manner) -> Result<ReadBack, ReadBackError> {
    let (address, _) = Liar::start(lie, 5, manner);
    let mut plan = plan(address, "put");
    let measured = measure(&plan);
    assert_eq!((measured.errors(), measured.wrong()), (0, 0));
    back(&mut plan)
}

#[test]
fn what_was_uploaded_is_there() {
    for manner in [Manner::Sized, Manner::Chunked, Manner::Closing] {
        let expected = ReadBack { filled: 0, uploaded: 10, torn: 0 };
        assert_eq!(after_uploads(Lie::None, manner).unwrap(), expected, "{manner:?}");
    }
    assert_eq!(after_uploads(Lie::Stale, Manner::Sized).unwrap(), ReadBack { filled: 1, uploaded: 9, torn: 0 });
    assert_eq!(after_uploads(Lie::Torn, Manner::Sized).unwrap(), ReadBack { filled: 0, uploaded: 9, torn: 1 });
}

#[test]
fn one_object_that_is_not_there_as_it_was_written_is_named() {
    let fault = |lie| match after_uploads(lie, Manner::Sized) {
        Err(ReadBackError::Wrong { path, fault }) => {
            assert!(path.starts_with("/a/k0000000000"), "{path}");
            fault
        }
        other => panic!("{lie:?}: {other:?}"),
    };
    assert!(matches!(fault(Lie::FlippedBit), Fault::Corrupt { .. }));
    assert!(matches!(fault(Lie::ShortBody), Fault::Length { .. }));
    assert!(matches!(fault(Lie::Swapped), Fault::Swapped { .. }));
    assert!(matches!(fault(Lie::Lost), Fault::Lost { .. }));
    let refused = after_uploads(Lie::Unavailable, Manner::Sized).unwrap_err().to_string();
    assert!(refused.ends_with(" was answered 503: later"), "{refused}");
    assert!(matches!(after_uploads(Lie::HangsUp, Manner::Sized), Err(ReadBackError::Talk(_))));
}

#[test]
fn objects_of_another_load_are_not_those_that_were_uploaded() {
    let (address, _) = Liar::start(Lie::None, 0, Manner::Sized);
    let mut plan = plan(address, "put");
    measure(&plan);
    http(&mut plan).filling = Filling::Present { seed: 8 };
    assert!(matches!(back(&mut plan), Err(ReadBackError::Wrong { .. })));
}

#[test]
fn a_server_that_keeps_nothing_is_found_out() {
    let address: SocketAddr = serve(|_, client| {
        loop {
            let head = client.request()?;
            let kept = head.starts_with("PUT ");
            client.say(if kept { "HTTP/1.1 204 x\r\n\r\n" } else { "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n" })?;
        }
    });
    let mut plan = plan(address, "put");
    let measured = measure(&plan);
    assert_eq!((measured.errors(), measured.wrong()), (0, 0), "it says that all is well");
    let lost = back(&mut plan).unwrap_err();
    assert!(matches!(lost, ReadBackError::Wrong { fault: Fault::Lost { .. }, .. }), "{lost}");
}
