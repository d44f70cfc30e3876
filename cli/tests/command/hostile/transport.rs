//! Behaviours of a server, or of a proxy before it, at the level of HTTP and of bytes.

use std::{io::Write as _, net::TcpStream, time::Duration};

use super::{EXPORT, EXPORT_CSV, FOLLOW, QUERY, Row, TAIL, csv, event, last, page, respond};

/// Sends a head, and then the same bytes until the client hangs up.
fn repeat(stream: &mut TcpStream, head: &str, part: &[u8], pause: Duration) {
    let _ = stream.write_all(head.as_bytes());
    while stream.write_all(part).is_ok() {
        std::thread::sleep(pause);
    }
}

fn send(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

/// A head of a page without its last line end.
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nX-Has-More: false\r\n";

pub(super) const ROWS: &[Row] = &[
    (
        "a gzip body that was not asked for",
        EXPORT,
        |_, s| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            let zeros = vec![b' '; 1 << 20];
            (0..64).for_each(|_| packer.write_all(&zeros).unwrap());
            let head =
                "Content-Type: application/x-ndjson\r\nX-Has-More: false\r\nContent-Encoding: gzip\r\n";
            respond(s, "200 OK", head, &packer.finish().unwrap());
        },
        1,
        "",
    ),
    (
        "an end marker in a trailer",
        EXPORT,
        |_, s| {
            let line = event(1, "a");
            send(
                s,
                &format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\
                     Trailer: X-Has-More\r\n\r\n{:x}\r\n{line}\r\n0\r\nX-Has-More: false\r\n\r\n",
                    line.len()
                ),
            );
        },
        1,
        "X-Has-More",
    ),
    (
        "a chunk without a size",
        EXPORT,
        |_, s| send(s, &format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n")),
        1,
        "",
    ),
    (
        "a chunk of all bytes",
        EXPORT,
        |_, s| send(s, &format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")),
        1,
        "",
    ),
    (
        "a length of all bytes",
        EXPORT,
        |_, s| send(s, &format!("{HEAD}Content-Length: 18446744073709551615\r\n\r\nx")),
        1,
        "",
    ),
    (
        "two lengths",
        EXPORT,
        |_, s| send(s, &format!("{HEAD}Content-Length: 0\r\nContent-Length: 9\r\n\r\n")),
        1,
        "",
    ),
    (
        "headers without end",
        EXPORT,
        |_, s| repeat(s, "HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n", Duration::ZERO),
        1,
        "",
    ),
    (
        "two end markers that differ",
        EXPORT,
        |_, s| page(s, "X-Has-More: false\r\nX-Has-More: true\r\nX-Next-Cursor: a\r\n", &event(1, "a")),
        1,
        "",
    ),
    (
        "cookies",
        EXPORT,
        |_, s| page(s, "X-Has-More: false\r\nSet-Cookie: a=b; Domain=example.com\r\n", &event(1, "a")),
        0,
        "",
    ),
    (
        "a whole page as JSON",
        EXPORT,
        |_, s| {
            respond(
                s,
                "200 OK",
                "Content-Type: application/json\r\nX-Has-More: false\r\n",
                b"{\"audit_logs\":[]}",
            )
        },
        1,
        "application/json",
    ),
    (
        "a member twice in an event",
        EXPORT,
        |_, s| last(s, &event(1, "a").replacen('{', "{\"action\":\"x_other\",", 1)),
        1,
        "",
    ),
    (
        "a member twice in an event of a feed",
        TAIL,
        |_, s| {
            page(
                s,
                "X-Next-After: 1\r\nX-Has-More: false\r\n",
                &event(1, "a").replacen('{', "{\"action\":\"x_other\",", 1),
            )
        },
        1,
        "",
    ),
    (
        "a byte order mark",
        EXPORT,
        |_, s| last(s, &format!("\u{feff}{}", event(1, "a"))),
        1,
        "one event a line",
    ),
    ("a zero byte", EXPORT, |_, s| last(s, &format!("\0{}", event(1, "a"))), 1, "one event a line"),
    (
        "zero bytes after the events",
        EXPORT,
        |_, s| last(s, &format!("{}\0\0\n", event(1, "a"))),
        1,
        "one event a line",
    ),
    (
        "an empty line between events",
        EXPORT,
        |_, s| last(s, &format!("{}\n{}", event(1, "a"), event(2, "b"))),
        1,
        "one event a line",
    ),
    (
        "an event of 7 MiB",
        EXPORT,
        |_, s| {
            last(s, &event(1, "a").replacen('{', &format!("{{\"context\":\"{}\",", "x".repeat(7 << 20)), 1))
        },
        0,
        "",
    ),
    (
        "an event that is nested without end",
        EXPORT,
        |_, s| last(s, &event(1, "a").replacen('{', &format!("{{\"context\":{},", "[".repeat(100_000)), 1)),
        1,
        "one event a line",
    ),
    (
        "a login page with the right type",
        EXPORT,
        |_, s| last(s, "<html><h1>Log in</h1></html>\n"),
        1,
        "one event a line",
    ),
    ("a login page in a query", QUERY, |_, s| last(s, "<html><h1>Log in</h1></html>\n"), 1, ""),
    (
        "502 of a proxy",
        EXPORT,
        |_, s| {
            respond(
                s,
                "502 Bad Gateway",
                "Content-Type: text/html\r\nRetry-After: 0\r\n",
                b"<h1>Bad Gateway</h1>",
            )
        },
        1,
        "502",
    ),
    (
        "504 of a proxy, then the page",
        EXPORT,
        |n, s| match n {
            0 => respond(s, "504 Gateway Timeout", "Content-Type: text/html\r\nRetry-After: 0\r\n", b"<h1>"),
            _ => last(s, &event(1, "a")),
        },
        0,
        "Trying again",
    ),
    (
        "407 of a proxy",
        EXPORT,
        |_, s| respond(s, "407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\n", b""),
        1,
        "407",
    ),
    (
        "a redirect that keeps the method",
        QUERY,
        |_, s| respond(s, "308 Permanent Redirect", "Location: http://127.0.0.1:1/\r\n", b""),
        1,
        "does not redirect",
    ),
    ("204", EXPORT, |_, s| send(s, "HTTP/1.1 204 No Content\r\nX-Has-More: false\r\n\r\n"), 1, ""),
    (
        "206 with a part of the page",
        EXPORT,
        |_, s| {
            let head =
                "Content-Type: application/x-ndjson\r\nX-Has-More: false\r\nContent-Range: bytes 0-9/900\r\n";
            respond(s, "206 Partial Content", head, event(1, "a").as_bytes());
        },
        1,
        "206",
    ),
    ("a status that is none", EXPORT, |_, s| respond(s, "999 Odd", "", b""), 1, "999"),
    (
        "a wait that is no number",
        EXPORT,
        |_, s| respond(s, "429 Too Many Requests", "Retry-After: -1e99\r\n", b"{}"),
        1,
        "429",
    ),
    (
        "CSV with a zero byte",
        EXPORT_CSV,
        |_, s| csv(s, "X-Has-More: false\r\n", "id,timestamp\r\na\0,2025-01-01T00:00:00Z\r\n"),
        1,
        "",
    ),
    (
        "CSV whose quote is never closed",
        EXPORT_CSV,
        |_, s| csv(s, "X-Has-More: false\r\n", "id,timestamp\r\n\"a,2025-01-01T00:00:00Z\r\n"),
        1,
        "CSV",
    ),
    (
        "--follow of a feed whose body breaks off",
        FOLLOW,
        |_, s| {
            send(s, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 900\r\n\r\n{")
        },
        1,
        "cannot be reached",
    ),
];
