use std::fs::File;
use std::io::Write;
use std::rc::Rc;

use spindle_core::op::{Blocking, Offset};
use spindle_core::writer::{Writer, Writing, Written};
use spindle_core::{Descriptor, Errno, Op};

use crate::{descriptor, limits, on_ring};

fn shared(file: File) -> Rc<Descriptor> {
    Rc::new(Descriptor::from(file).into_shared())
}

fn file() -> Rc<Descriptor> {
    shared(tempfile::tempfile().unwrap())
}

#[test]
fn what_is_asked_of_one_writer_is_done_in_order_and_buffers_come_back() {
    on_ring(limits(), |core| async move {
        let (writer, file) = (Writer::new(&core, "dev1", 4), file());
        let asked: Vec<Writing> = [(b"first ", 0), (b"other ", 0), (b"second", 6)]
            .map(|(bytes, at)| writer.write(&file, bytes.to_vec(), at))
            .into();
        for (asked, bytes) in asked.into_iter().zip([b"first ", b"other ", b"second"]) {
            let Written { result, buffer } = asked.await;
            assert_eq!((result, buffer.as_slice()), (Ok(6), &bytes[..]));
        }
        assert_eq!(core.read(&file, vec![0; 100], Offset::At(0)).await.unwrap(), b"other second");
        let room = writer.reserve(&file, 0..1 << 20).await;
        assert!(matches!(room.result, Ok(0) | Err(Errno::EOPNOTSUPP)), "{room:?}");
        assert_eq!(core.read(&file, vec![0; 100], Offset::At(0)).await.unwrap(), b"other second", "as long as before");
    });
}

#[test]
fn what_cannot_be_written_says_why() {
    on_ring(limits(), |core| async move {
        let writer = Writer::new(&core, "dev1", 1);
        let readable = shared(File::open("/dev/null").unwrap());
        let refused = writer.write(&readable, b"bytes".to_vec(), 0);
        let Written { result, buffer } = refused.await;
        assert_eq!((result, buffer.as_slice()), (Err(Errno::EBADF), &b"bytes"[..]));
        assert!(writer.reserve(&readable, 0..1).await.result.is_err());
    });
}

#[test]
fn more_than_there_is_room_for_is_done_too_and_what_is_given_up_is_in_nobodys_way() {
    on_ring(limits(), |core| async move {
        let (writer, file) = (Writer::new(&core, "dev1", 2), file());
        for _ in 0..50 {
            drop(writer.write(&file, vec![0; 1000], 5));
        }
        let asked: Vec<Writing> = (0..50).map(|at| writer.write(&file, vec![at as u8], at)).collect();
        for asked in asked {
            assert_eq!(asked.await.result, Ok(1));
        }
        let bytes = core.read(&file, vec![0; 50], Offset::At(0)).await.unwrap();
        assert!(bytes.iter().enumerate().all(|(at, byte)| at == usize::from(*byte)), "{bytes:?}");
    });
}

#[test]
fn a_write_that_may_not_wait_is_done_at_once_or_not_at_all() {
    on_ring(limits(), |core| async move {
        let mut given = tempfile::tempfile().unwrap();
        given.write_all(b"there").unwrap();
        let file = descriptor(given);
        let op = Op::Write {
            file: Rc::clone(&file),
            buffer: b"THERE".to_vec(),
            offset: Offset::At(0),
            blocking: Blocking::Refused,
        };
        let mut flight = core.launch(op);
        core.next_turn().await;
        assert!(flight.has_landed(), "nobody is waited for");
        let expected: &[u8] = match (&mut flight).await.result {
            Ok(5) => b"THERE",
            Err(Errno::EAGAIN | Errno::EOPNOTSUPP) => b"there",
            other => panic!("{other:?}"),
        };
        assert_eq!(core.read(&file, vec![0; 5], Offset::At(0)).await.unwrap(), expected);
    });
}
