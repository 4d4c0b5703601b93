//! Ways out of the root, and to what is the server's own: there is none.

use std::os::unix::fs::symlink;

use crate::kit::server::Server;

const SECRET: &[u8] = b"a secret of the machine";

#[test]
fn no_name_leads_out_of_the_root() {
    let server = Server::start("");
    server.lay("../secret", SECRET);
    let outside = server.path("../secret").canonicalize().unwrap();
    symlink(&outside, server.path("dev1/absolute")).unwrap();
    symlink("../../secret", server.path("dev1/relative")).unwrap();
    symlink("../..", server.path("dev1/up")).unwrap();
    symlink("../dev2/inside", server.path("dev1/across")).unwrap();
    symlink("/proc/self", server.path("dev1/proc")).unwrap();
    server.lay("dev1/inside", b"inside");
    symlink("inside", server.path("dev1/link")).unwrap();
    let absolute = format!("/{}", outside.display());
    let mut client = server.client();
    let paths = [
        "/../secret",
        "/dev1/../../secret",
        "/%2e%2e/secret",
        "/dev1/%2E%2e/%2e%2E/secret",
        "/dev1/..%2f..%2fsecret",
        "/dev1%2f..%2f..%2fsecret",
        "/dev1/inside%00",
        "/dev1/%00/../../secret",
        "//secret",
        "/./../secret",
        "http://here/../secret",
        "/dev1/absolute",
        "/dev1/relative",
        "/dev1/up/secret",
        "/dev1/proc/cmdline",
        "/proc/self/cmdline",
        "/dev1/inside/../../../secret",
        "/dev1/%",
        "/dev1/%zz",
        &absolute,
    ];
    for path in paths {
        for method in ["GET", "HEAD"] {
            let answer = client.ask(method, path, "");
            assert!(matches!(answer.status, 400 | 403 | 404), "{method} {path}: {}", answer.status);
            assert!(!answer.body.windows(6).any(|six| six == b"secret"), "{method} {path}");
        }
    }
    assert_eq!(client.get("/dev1/link").is(200).body, b"inside");
    client.put("/dev1/up/new", b"mine").is(403);
    assert!(!server.path("../new").exists());
    // A link is a name that may be taken and removed; what it leads to is not touched.
    for path in paths {
        let written = client.put(path, b"mine").status;
        assert!(matches!(written, 201 | 400 | 403 | 404), "PUT {path}: {written}");
        let removed = client.ask("DELETE", path, "").status;
        assert!(matches!(removed, 204 | 400 | 403 | 404), "DELETE {path}: {removed}");
        assert_eq!(std::fs::read(&outside).unwrap(), SECRET, "{path}");
    }
}

#[test]
fn what_is_the_servers_own_is_not_there() {
    let server = Server::start("");
    let mut client = server.client();
    client.put("/dev1/a", b"content").is(201);
    server.lay("dev1/.spindle-uploads/1-1", SECRET);
    server.lay(".spindle-uploads/1-1", SECRET);
    for path in [
        "/dev1/.spindle-uploads/1-1",
        "/.spindle-uploads/1-1",
        "/dev1/%2espindle-uploads/1-1",
        "/dev1/x/.spindle-uploads",
    ] {
        for method in ["GET", "HEAD", "DELETE"] {
            assert_eq!(client.ask(method, path, "").status, 404, "{method} {path}");
        }
        client.put(path, b"mine").is(404);
    }
    assert_eq!(std::fs::read(server.path("dev1/.spindle-uploads/1-1")).unwrap(), SECRET);
    assert!(!server.path("dev1/x").exists());
}

#[test]
fn names_are_any_bytes_that_a_file_may_have() {
    let server = Server::start("");
    let mut client = server.client();
    for (path, name) in [
        ("/dev1/a%20b", "dev1/a b"),
        ("/dev1/a+b", "dev1/a+b"),
        ("/dev1/%C3%A4", "dev1/ä"),
        ("/dev1//x/./y", "dev1/x/y"),
        ("/dev1/%25", "dev1/%"),
        ("/dev1/z?query=/../..#fragment", "dev1/z"),
        ("/dev1/...", "dev1/..."),
        ("/dev1/-", "dev1/-"),
        ("/%2e%2e%5csecret", "..\\secret"),
        ("/dev12x/a", "dev12x/a"),
    ] {
        client.put(path, path.as_bytes()).is(201);
        assert_eq!(std::fs::read(server.path(name)).unwrap(), path.as_bytes(), "{path}");
        client.get(path).has(path.as_bytes());
    }
    let long = "n".repeat(255);
    client.put(&format!("/dev1/{long}"), b"long").is(201);
    assert!(server.path(&format!("dev1/{long}")).exists());
}
