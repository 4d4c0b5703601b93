//! Before servers that were not written for these tests: Spindle's own server of files, and nginx where it is installed.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::kit::{Server, bytes, eventually, get, nowhere};

#[test]
fn files_are_put_and_read_through_the_proxy() {
    let files = Server::start("[files]\ncores = 1\nroot = \"{}\"\npromise = \"written\"\n");
    let proxy = Server::proxy(&[files.address], "");
    let mut client = proxy.client();
    let file = bytes(2 << 20);
    client.say(format!("PUT /a/b HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", file.len()));
    assert_eq!(client.ask(&file).status(), "201");
    let answer = client.ask(get("/a/b", ""));
    assert!(answer.body == file);
    let tag = answer.fields("ETag")[0].to_owned();
    assert_eq!(client.ask(get("/a/b", &format!("If-None-Match: {tag}\r\n"))).status(), "304");
    let part = client.ask(get("/a/b", "Range: bytes=5-9\r\n"));
    assert_eq!((part.status(), &part.body[..]), ("206", &file[5..10]));
    client.say("HEAD /a/b HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(client.head().contains(&format!("Content-Length: {}\r\n", file.len())));
    client.say("PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 100 Continue\r\n"));
    assert_eq!(client.ask("3\r\nabc\r\n0\r\n\r\n").status(), "201");
    assert_eq!(client.ask(get("/c", "")).text(), "abc");
    assert_eq!(client.ask("DELETE /c HTTP/1.1\r\nHost: h\r\n\r\n").status(), "204");
    assert_eq!(client.ask(get("/c", "")).status(), "404");
    assert_eq!(client.ask("BREW / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx").status(), "405");
    assert_eq!(client.ask(get("/a/b", "")).body.len(), file.len());
}

struct Nginx {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// None where it is not installed.
fn nginx() -> Option<Nginx> {
    Command::new("nginx").arg("-v").stderr(Stdio::null()).status().ok()?;
    let (folder, address) = (tempfile::tempdir().unwrap(), nowhere());
    let path = folder.path().display();
    let configuration = format!(
        "daemon off; master_process off; worker_processes 1; pid {path}/pid; error_log {path}/error;
         events {{ worker_connections 100; }}
         http {{
             access_log off; client_body_temp_path {path}/body; proxy_temp_path {path}/1; fastcgi_temp_path {path}/2;
             uwsgi_temp_path {path}/3; scgi_temp_path {path}/4;
             server {{
                 listen {address}; root {path};
                 location = /seen {{ return 200 \"$http_host|$http_x_forwarded_for|$http_via|$http_connection\"; }}
                 location / {{ keepalive_requests 7; }}
             }}
         }}"
    );
    std::fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
    std::fs::write(folder.path().join("file"), bytes(1 << 20)).unwrap();
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-c"]).arg(folder.path().join("nginx.conf")).stderr(Stdio::null());
    let mut nginx = Nginx { child: command.spawn().unwrap(), address, folder };
    eventually("nginx listens", || {
        assert!(nginx.child.try_wait().unwrap().is_none(), "nginx does not start");
        std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()
    });
    Some(nginx)
}

#[test]
fn nginx_is_asked_as_a_proxy_asks() {
    let Some(nginx) = nginx() else { return eprintln!("SKIPPED: nginx is not installed") };
    let proxy = Server::proxy(&[nginx.address], "");
    let mut client = proxy.client();
    assert_eq!(client.ask(get("/seen", "")).text(), "h|127.0.0.1|1.1 spindle|");
    let file = std::fs::read(nginx.folder.path().join("file")).unwrap();
    for _ in 0..30 {
        // nginx closes every seventh time, and says so.
        assert!(client.ask(get("/file", "")).body == file);
    }
    assert_eq!(client.ask(get("/none", "")).status(), "404");
    assert_eq!(client.ask(get("/file", "Range: bytes=-5\r\n")).body, file[file.len() - 5..]);
    assert_eq!(client.ask("PUT /file HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx").status(), "405");
}
