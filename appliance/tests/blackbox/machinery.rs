//! Commands for memcached's own machinery, of which hardly any exists here.

use crate::kit::server::Server;

#[track_caller]
fn answers(server: &Server, exchanges: &[(&str, &str)]) {
    let mut client = server.client();
    for (line, answer) in exchanges {
        client.say(format!("{line}\r\n")).expect(format!("{answer}\r\n"));
    }
    client.is_quiet();
}

#[test]
fn what_merely_tunes_is_checked_and_accepted() {
    answers(
        &Server::start(""),
        &[
            ("slabs automove 0", "OK"),
            ("slabs automove 2", "OK"),
            ("slabs automove 9", "ERROR"),
            ("slabs automove x", "CLIENT_ERROR bad command line format"),
            ("slabs automove", "ERROR"),
            ("slabs automove ratio 0.5", "OK"),
            ("slabs automove ratio x", "ERROR"),
            ("slabs automove ratio", "ERROR"),
            ("slabs automove freeratio 0.01", "OK"),
            ("slabs automove window 3", "OK"),
            ("slabs automove window 1", "CLIENT_ERROR automove window too low or too high"),
            ("slabs automove window 1801", "CLIENT_ERROR automove window too low or too high"),
            ("lru tune 10 25 0.1 2.0", "OK"),
            ("lru tune 50 50 0.1 2.0", "ERROR hot and warm pcts must not exceed 80"),
            ("lru tune 4294967295 1 0.1 2.0", "ERROR hot and warm pcts must not exceed 80"),
            ("lru tune 10 25 0 2.0", "ERROR hot/warm age factors must be greater than 0"),
            ("lru tune 10 25 x 2.0", "ERROR"),
            ("lru tune 10 25 0.1", "ERROR"),
            ("lru mode flat", "OK"),
            ("lru mode round", "ERROR"),
            ("lru temp_ttl -1", "OK"),
            ("lru temp_ttl x", "ERROR"),
            ("lru_crawler sleep 1000000", "OK"),
            ("lru_crawler sleep 1000001", "CLIENT_ERROR sleep must be one second or less"),
            ("lru_crawler sleep x", "CLIENT_ERROR bad command line format"),
            ("lru_crawler tocrawl 100", "OK"),
            ("lru_crawler tocrawl x", "CLIENT_ERROR bad command line format"),
        ],
    );
}

#[test]
fn what_would_do_or_show_something_is_refused_as_by_a_memcached_without_it() {
    answers(
        &Server::start(""),
        &[
            ("slabs reassign 1 2", "CLIENT_ERROR slab reassignment disabled"),
            ("slabs reassign 1", "ERROR"),
            ("lru_crawler disable", "OK"),
            ("lru_crawler enable", "ERROR failed to start lru crawler thread"),
            ("lru_crawler crawl all", "CLIENT_ERROR lru crawler disabled"),
            ("lru_crawler metadump all", "CLIENT_ERROR lru crawler disabled"),
            ("lru_crawler mgdump hash", "CLIENT_ERROR lru crawler disabled"),
            ("lru_crawler metadump", "ERROR"),
            ("watch", "WATCHER_FAILED failed to add log watcher"),
            ("watch fetchers evictions", "WATCHER_FAILED failed to add log watcher"),
            ("watch birds", "ERROR"),
            ("extstore item_age 1", "ERROR"),
            ("refresh_certs", "ERROR"),
        ],
    );
}

#[test]
fn what_the_operator_forbade_is_said_to_be_forbidden() {
    answers(
        &Server::start("-X -W"),
        &[
            ("lru_crawler metadump all", "ERROR metadump not allowed"),
            ("lru_crawler mgdump all", "ERROR metadump not allowed"),
            ("lru_crawler crawl all", "CLIENT_ERROR lru crawler disabled"),
            ("watch fetchers", "CLIENT_ERROR watch commands not allowed"),
            ("stats cachedump 1 1", "CLIENT_ERROR stats cachedump not allowed"),
        ],
    );
}
