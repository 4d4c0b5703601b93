//! GET and HEAD: whole files of every size that matters, and parts of them.

use crate::kit::client::Content;
use crate::kit::content;
use crate::kit::server::Server;

/// On both sides of every bound at which a file goes another way.
const SIZES: [usize; 12] = {
    let (kib16, kib128, mib) = (16 << 10, 128 << 10, 1 << 20);
    [0, 1, kib16 - 1, kib16, kib16 + 1, kib128 - 1, kib128, kib128 + 1, mib - 1, mib, mib + 1, 5 * mib]
};

#[test]
fn files_of_every_size_come_byte_for_byte_and_a_head_says_the_same() {
    let server = Server::start("");
    let mut client = server.client();
    for (seed, size) in SIZES.into_iter().enumerate() {
        let (path, file) = (format!("/dev1/0/{size}"), content(seed as u8, size));
        server.lay(&path[1..], &file);
        for _ in 0..2 {
            let got = client.get(&path).has(&file);
            let head = client.ask("HEAD", &path, "").is(200);
            for name in ["Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"] {
                assert_eq!(head.field(name), got.field(name), "{path}");
            }
            assert_eq!(got.field("Content-Length"), size.to_string());
            assert!(got.field("Date").ends_with(" GMT") && got.get("Connection").is_none());
        }
    }
}

#[test]
fn what_is_not_in_the_page_cache_comes_byte_for_byte_too() {
    let server = Server::start("");
    for (seed, size) in SIZES.into_iter().enumerate() {
        let (path, file) = (format!("/dev2/{size}"), content(seed as u8, size));
        server.lay(&path[1..], &file);
        let opened = std::fs::File::open(server.path(&path[1..])).unwrap();
        opened.sync_all().unwrap();
        // What the file system cannot drop stays, and is read from there.
        let _ = nix::fcntl::posix_fadvise(&opened, 0, 0, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED);
        server.client().get(&path).has(&file);
    }
}

#[test]
fn parts_come_as_they_are_asked_for() {
    let server = Server::start("");
    let file = content(1, 300_000);
    server.lay("dev1/a", &file);
    let mut client = server.client();
    let mut part = |range: &str, first: usize, last: usize| {
        let answer = client.ask("GET", "/dev1/a", &format!("Range: bytes={range}\r\n")).is(206);
        assert_eq!(answer.field("Content-Range"), format!("bytes {first}-{last}/300000"), "{range}");
        assert!(answer.body == file[first..=last], "{range}");
    };
    part("0-0", 0, 0);
    part("0-", 0, 299_999);
    part("5-20000", 5, 20_000);
    part("131071-262145", 131_071, 262_145);
    part("299999-", 299_999, 299_999);
    part("299990-400000", 299_990, 299_999);
    part("-7", 299_993, 299_999);
    part("-999999", 0, 299_999);
    part("100-199,0-99", 0, 199);
    part("0-100,50-150000", 0, 150_000);
}

#[test]
fn parts_that_cannot_be_had_are_refused_or_come_whole() {
    let server = Server::start("");
    let file = content(1, 1000);
    server.lay("dev1/a", &file);
    server.lay("dev1/empty", b"");
    let mut client = server.client();
    for range in ["bytes=1000-", "bytes=1000-2000", "bytes=-0"] {
        let answer = client.ask("GET", "/dev1/a", &format!("Range: {range}\r\n")).is(416);
        assert_eq!(answer.field("Content-Range"), "bytes */1000", "{range}");
    }
    for range in ["bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "bytes=", "bytes=a-b"] {
        client.ask("GET", "/dev1/a", &format!("Range: {range}\r\n")).has(&file);
    }
    client.ask("GET", "/dev1/empty", "Range: bytes=0-\r\n").is(416);
    client.ask("GET", "/dev1/none", "Range: bytes=0-\r\n").is(404);
    assert_eq!(client.ask("HEAD", "/dev1/a", "Range: bytes=0-1\r\n").is(200).field("Content-Length"), "1000");
    client.get("/dev1/a").has(&file);
}

#[test]
fn what_is_no_file_is_not_served() {
    let server = Server::start("");
    std::fs::create_dir(server.path("dev1/folder")).unwrap();
    nix::unistd::mkfifo(&server.path("dev1/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut client = server.client();
    for (path, status) in [
        ("/dev1/none", 404),
        ("/dev1/none/none", 404),
        ("/dev9/none", 404),
        ("/none", 404),
        ("/dev1/folder", 403),
        ("/dev1/folder/", 403),
        ("/dev1", 403),
        ("/dev1/", 403),
        ("/", 403),
        ("/dev1/fifo", 404),
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, status, "GET {path}");
        assert!(!answer.body.is_empty());
        let head = client.ask("HEAD", path, "");
        assert_eq!((head.status, head.field("Content-Length")), (status, answer.field("Content-Length")), "{path}");
    }
}

#[test]
fn a_file_that_others_change_is_served_as_it_is() {
    let server = Server::start("");
    server.lay("dev1/a", b"first");
    let mut client = server.client();
    let before = client.get("/dev1/a").has(b"first");
    std::fs::write(server.path("dev1/a"), b"second!").unwrap();
    // Its length is believed for a tenth of a second, and what is sent is never longer than the file.
    std::thread::sleep(std::time::Duration::from_millis(150));
    let after = client.get("/dev1/a").has(b"second!");
    assert_ne!(before.field("ETag"), after.field("ETag"));
    client.say("HEAD /dev1/a HTTP/1.1\r\nHost: here\r\n\r\n").answer(Content::Withheld).is(200);
    std::fs::rename(server.path("dev1/a"), server.path("dev1/b")).unwrap();
    // A name is believed for a second.
    std::thread::sleep(std::time::Duration::from_millis(1200));
    client.get("/dev1/a").is(404);
    client.get("/dev1/b").has(b"second!");
}
