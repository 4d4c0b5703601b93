use std::ffi::CString;
use std::io::Read;
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;

use spindle_core::buffers::page_cache::{Residence, residence};
use spindle_core::flight::Arrived;
use spindle_core::op::{Access, Blocking, Existing, Offset, Synced};
use spindle_core::status::{FileKind, Status};
use spindle_core::{Core, Descriptor, Errno, Op};

use crate::{descriptor, limits, on_ring, tcp_pair};

fn name(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn folder(path: &Path) -> Rc<Descriptor> {
    descriptor(std::fs::File::open(path).unwrap())
}

async fn open(core: &Core, folder: &Rc<Descriptor>, path: &str, access: Access) -> Result<Rc<Descriptor>, Errno> {
    let landing = core.launch(Op::open(folder, name(path), access)).await;
    landing.result?;
    let Arrived::Descriptor(descriptor) = landing.arrived else { panic!("an open without a descriptor") };
    Ok(Rc::new(descriptor))
}

#[test]
fn nothing_outside_the_folder_is_opened() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "").unwrap();
    let inside = outside.path().join("root");
    std::fs::create_dir_all(inside.join("deep")).unwrap();
    std::fs::write(inside.join("deep/file"), "seen").unwrap();
    symlink("../secret", inside.join("way-out")).unwrap();
    symlink("/etc/passwd", inside.join("absolute")).unwrap();
    symlink("deep/file", inside.join("within")).unwrap();
    on_ring(limits(), |core| async move {
        let root = folder(&inside);
        for (path, errno) in [
            ("../secret", Errno::EXDEV),
            ("deep/../../secret", Errno::EXDEV),
            ("/etc/passwd", Errno::EXDEV),
            ("way-out", Errno::EXDEV),
            ("absolute", Errno::EXDEV),
            ("absent", Errno::ENOENT),
            ("deep/file/more", Errno::ENOTDIR),
        ] {
            assert_eq!(open(&core, &root, path, Access::Read).await.err(), Some(errno), "{path}");
        }
        for path in ["deep/file", "within", "deep/../within"] {
            let file = open(&core, &root, path, Access::Read).await.unwrap();
            assert_eq!(core.read(&file, vec![0; 9], Offset::At(0)).await.unwrap(), b"seen", "{path}");
        }
        let deep = open(&core, &root, "deep", Access::Folder).await.unwrap();
        assert_eq!(Status::of(&deep).unwrap().kind, FileKind::Folder);
        assert_eq!(open(&core, &root, "within", Access::Folder).await.err(), Some(Errno::ENOTDIR));
    });
}

#[test]
fn a_file_is_made_filled_synced_renamed_and_removed() {
    let root = tempfile::tempdir().unwrap();
    on_ring(limits(), |core| async move {
        let top = folder(root.path());
        let make = |of: &str| core.launch(Op::MakeFolder { folder: Rc::clone(&top), name: name(of) });
        assert_eq!(make("sub").await.result, Ok(0));
        assert_eq!(make("sub").await.result, Err(Errno::EEXIST));
        let sub = open(&core, &top, "sub", Access::Folder).await.unwrap();
        let file = open(&core, &top, "new", Access::Create).await.unwrap();
        assert_eq!(open(&core, &top, "new", Access::Create).await.err(), Some(Errno::EEXIST));
        assert_eq!(core.launch(Op::Reserve { file: Rc::clone(&file), range: 0..1 << 20 }).await.result, Ok(0));
        assert_eq!(Status::of(&file).unwrap().bytes, 0, "room is not length");
        let write = Op::Write {
            file: Rc::clone(&file),
            buffer: b"content".to_vec(),
            offset: Offset::At(0),
            blocking: Blocking::Allowed,
        };
        assert_eq!(core.launch(write).await.result, Ok(7));
        assert_eq!(Status::of(&file).unwrap().bytes, 7);
        for (file, what) in [(&file, Synced::Data), (&sub, Synced::All)] {
            assert_eq!(core.launch(Op::Sync { file: Rc::clone(file), what }).await.result, Ok(0));
        }
        let rename_to = |from: &str, existing| Op::Rename {
            from_folder: Rc::clone(&top),
            from: name(from),
            to_folder: Rc::clone(&sub),
            to: name("old"),
            existing,
        };
        let rename = |from: &str| rename_to(from, Existing::Replaced);
        assert_eq!(core.launch(rename("new")).await.result, Ok(0));
        assert_eq!(core.launch(rename("new")).await.result, Err(Errno::ENOENT));
        assert_eq!(std::fs::read(root.path().join("sub/old")).unwrap(), b"content");
        let other = open(&core, &top, "other", Access::Create).await.unwrap();
        assert_eq!(core.launch(rename_to("other", Existing::Kept)).await.result, Err(Errno::EEXIST));
        assert_eq!(std::fs::read(root.path().join("sub/old")).unwrap(), b"content");
        drop(other);
        let unlink = |name_of: &str| Op::Unlink { folder: Rc::clone(&sub), name: name(name_of) };
        assert_eq!(core.launch(unlink("old")).await.result, Ok(0));
        assert_eq!(core.launch(unlink("old")).await.result, Err(Errno::ENOENT));
        assert_ne!(residence(&file, 0..7), Residence::Cold, "it was only just written");
    });
}

#[test]
fn who_waits_for_room_hears_of_it_when_the_peer_has_read() {
    on_ring(limits(), |core| async move {
        let (socket, mut peer) = tcp_pair();
        let room = || core.launch(Op::AwaitRoom { socket: Rc::clone(&socket) });
        room().await.result.unwrap();
        let Descriptor::Kernel(fd) = &*socket else { panic!("a kernel's socket") };
        let flags = nix::sys::socket::MsgFlags::MSG_DONTWAIT;
        let mut sent = 0;
        loop {
            match nix::sys::socket::send(std::os::fd::AsRawFd::as_raw_fd(fd), &[0; 65536], flags) {
                Ok(bytes) => sent += bytes,
                Err(errno) => break assert_eq!(errno, Errno::EAGAIN),
            }
        }
        let mut waiting = room();
        core.next_turn().await;
        assert!(!waiting.has_landed(), "nobody has read anything");
        let reader = std::thread::spawn(move || {
            peer.read_exact(&mut vec![0; sent]).unwrap();
            peer
        });
        (&mut waiting).await.result.unwrap();
        let _peer = reader.join().unwrap();
        // Whoever can send no more is told that too.
        core.launch(Op::Shutdown { socket: Rc::clone(&socket), how: Shutdown::Both }).await.result.unwrap();
        room().await.result.unwrap();
    });
}

#[test]
fn what_a_worker_closes_is_closed_once() {
    let (read, write) = nix::unistd::pipe().unwrap();
    on_ring(limits(), |core| async move {
        let read = descriptor(read);
        assert_eq!(core.launch(Op::Close { file: Some(write) }).await.result, Ok(0));
        assert_eq!(core.read(&read, vec![0; 1], Offset::Current).await.unwrap(), b"", "nobody writes any more");
    });
}
