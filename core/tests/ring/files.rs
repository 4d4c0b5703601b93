use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;

use spindle_core::op::{Blocking, Offset};
use spindle_core::pipes::Pipes;
use spindle_core::thread::{CorePlan, start};
use spindle_core::{Core, Descriptor, Errno, Limits, Op};

use crate::cores::plan;
use crate::{descriptor, limits, on_ring, pattern};

fn file(bytes: &[u8]) -> Rc<Descriptor> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    descriptor(file)
}

async fn write(core: &Core, file: &Rc<Descriptor>, bytes: &[u8], offset: Offset) -> Result<u32, Errno> {
    core.launch(Op::Write { file: Rc::clone(file), buffer: bytes.to_vec(), offset, blocking: Blocking::Allowed })
        .await
        .result
}

#[test]
fn files_are_read_and_written_at_offsets() {
    on_ring(limits(), |core| async move {
        let file = file(b"");
        assert_eq!(write(&core, &file, b"world", Offset::At(6)).await, Ok(5));
        assert_eq!(write(&core, &file, b"hello ", Offset::At(0)).await, Ok(6));
        assert_eq!(core.read(&file, vec![0; 100], Offset::At(0)).await.unwrap(), b"hello world");
        assert_eq!(core.read(&file, vec![0; 3], Offset::At(4)).await.unwrap(), b"o w");
        assert_eq!(core.read(&file, vec![0; 3], Offset::At(11)).await.unwrap(), b"", "the end of the file");
        assert_eq!(core.read(&file, vec![0; 3], Offset::At(1 << 40)).await.unwrap(), b"");
    });
}

#[test]
fn the_current_offset_goes_on_where_the_last_op_ended() {
    let (read, write_end) = nix::unistd::pipe().unwrap();
    on_ring(limits(), |core| async move {
        let (read, write_end) = (descriptor(read), descriptor(write_end));
        assert_eq!(write(&core, &write_end, b"through a pipe", Offset::Current).await, Ok(14));
        assert_eq!(core.read(&read, vec![0; 7], Offset::Current).await.unwrap(), b"through");
        assert_eq!(core.read(&read, vec![0; 100], Offset::Current).await.unwrap(), b" a pipe");
    });
}

#[test]
fn a_write_gives_its_buffer_back() {
    on_ring(limits(), |core| async move {
        let op =
            Op::Write { file: file(b""), buffer: b"mine".to_vec(), offset: Offset::At(0), blocking: Blocking::Allowed };
        let mut flight = core.launch(op);
        assert_eq!((&mut flight).await.result, Ok(4));
        let Some(Op::Write { buffer, .. }) = flight.into_cargo() else { panic!("the cargo is lost") };
        assert_eq!(buffer, b"mine");
    });
}

#[test]
fn a_file_that_cannot_be_written_says_why() {
    let read_only = std::fs::File::open("/proc/self/exe").unwrap();
    on_ring(limits(), |core| async move {
        assert_eq!(write(&core, &descriptor(read_only), b"x", Offset::At(0)).await, Err(Errno::EBADF));
    });
}

#[test]
fn registered_buffers_are_read_into_and_go_home() {
    let limits = Limits { registered_buffers: 2, registered_buffer_bytes: 8192, ..limits() };
    let plan = CorePlan { limits, ..plan("files", None) };
    let core = start(plan, |core| async move {
        let pool = core.registered().expect("the limits ask for some");
        let whole = pattern(10_000);
        let file = file(&whole);
        let other = pool.take().unwrap();
        for (offset, length) in [(0, 8192), (8192, 1808), (10_000, 0)] {
            let buffer = pool.take().expect("the lease before is home");
            assert!(pool.take().is_none(), "two buffers, both out");
            let offset_in_file = Offset::At(offset as u64);
            let op = Op::ReadRegistered { file: Rc::clone(&file), buffer, offset: offset_in_file };
            let mut flight = core.launch(op);
            assert_eq!((&mut flight).await.result, Ok(length));
            let Some(Op::ReadRegistered { buffer, .. }) = flight.into_cargo() else { panic!("the lease is lost") };
            assert!(buffer[..] == whole[offset..offset + length as usize]);
        }
        drop(other);
    });
    core.unwrap().join().unwrap();
    on_ring(crate::limits(), |core| async move { assert!(core.registered().is_none(), "nobody asked") });
}

/// A file to a socket without a copy: into a pipe, out of the pipe, as far as each step goes.
#[test]
fn a_file_is_spliced_through_a_pooled_pipe_into_a_socket() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let whole = pattern(300_001);
    let expected = whole.clone();
    let reader = thread::spawn(move || {
        let mut heard = Vec::new();
        theirs.read_to_end(&mut heard).unwrap();
        heard
    });
    on_ring(limits(), |core| async move {
        let (file, socket) = (file(&whole), descriptor(ours));
        let pipes = Pipes::new(1, 65_536);
        let mut pipe = pipes.take().unwrap().unwrap();
        assert!(pipes.take().unwrap().is_none());
        let mut offset = 0;
        loop {
            let fill = Op::Splice {
                from: Rc::clone(&file),
                from_offset: Offset::At(offset),
                to: Rc::clone(pipe.write_end()),
                to_offset: Offset::Current,
                length_bytes: 65_536,
            };
            let filled = core.launch(fill).await.result.unwrap();
            if filled == 0 {
                break;
            }
            offset += u64::from(filled);
            pipe.filled_bytes = u64::from(filled);
            while pipe.filled_bytes > 0 {
                let empty = Op::Splice {
                    from: Rc::clone(pipe.read_end()),
                    from_offset: Offset::Current,
                    to: Rc::clone(&socket),
                    to_offset: Offset::Current,
                    length_bytes: pipe.filled_bytes as u32,
                };
                pipe.filled_bytes -= u64::from(core.launch(empty).await.result.unwrap());
            }
        }
        assert_eq!(offset, whole.len() as u64);
        let number = pipe.read_end().number();
        drop(pipe);
        assert_eq!(pipes.take().unwrap().unwrap().read_end().number(), number, "an empty pipe is used again");
    });
    assert!(reader.join().unwrap() == expected);
}
