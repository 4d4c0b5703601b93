//! The meta commands as conversations (memcached's doc/protocol.txt, "Meta Commands").

use crate::kit::server::Server;

#[track_caller]
fn conversation(lines: &[(&str, &str)]) {
    let server = Server::start("");
    let mut client = server.client();
    for (request, reply) in lines {
        client.say(request).expect(reply).is_quiet();
    }
}

#[test]
fn facts_come_in_the_order_of_the_request() {
    conversation(&[
        ("mg k v t\r\n", "EN\r\n"),
        ("mg k v k Oabc q\r\n", ""),
        ("mg k s k Oabc\r\n", "EN kk Oabc\r\n"),
        ("ms key 3 F77 E500 Oxy k c s\r\nabc\r\n", "HD Oxy kkey c500 s3\r\n"),
        ("mg key s v f c k Oxy t\r\n", "VA 3 s3 f77 c500 kkey Oxy t-1\r\nabc\r\n"),
        ("mg key t k h l c f\r\n", "HD t-1 kkey h1 l0 c500 f77\r\n"),
        ("mg key\r\n", "HD\r\n"),
        ("mg key P1 L2\r\n", "HD\r\n"),
        ("mn\r\n", "MN\r\n"),
    ]);
}

#[test]
fn access_is_counted_unless_it_should_not_be() {
    conversation(&[
        ("ms k 1\r\nx\r\n", "HD\r\n"),
        ("mg k h u\r\n", "HD h0\r\n"),
        ("mg k h\r\n", "HD h0\r\n"),
        ("mg k h\r\n", "HD h1\r\n"),
    ]);
}

#[test]
fn binary_keys_come_and_go_in_base64() {
    conversation(&[
        // The key is "a b", with a space that no text key can have.
        ("ms YSBi 2 b k\r\nhi\r\n", "HD kYSBi b\r\n"),
        ("mg YSBi b v k\r\n", "VA 2 kYSBi b\r\nhi\r\n"),
        ("mg YSBi v\r\n", "EN\r\n"),
        ("mg YSBj b k\r\n", "EN kYSBj b\r\n"),
        ("md YSBi b k\r\n", "HD kYSBi b\r\n"),
        // "foo" is a text key under another name.
        ("ms foo 1\r\nx\r\n", "HD\r\n"),
        ("mg Zm9v b v\r\n", "VA 1\r\nx\r\n"),
    ]);
}

#[test]
fn set_modes() {
    conversation(&[
        ("ms k 1 MR\r\nr\r\n", "NS\r\n"),
        ("ms k 1 MA\r\na\r\n", "NS\r\n"),
        ("ms k 1 ME\r\ne\r\n", "HD\r\n"),
        ("ms k 1 ME\r\ne\r\n", "NS\r\n"),
        ("ms k 1 MA s\r\na\r\n", "HD s2\r\n"),
        ("ms k 1 MP s\r\np\r\n", "HD s3\r\n"),
        ("mg k v\r\n", "VA 3\r\npea\r\n"),
        ("ms k 1 MR\r\nr\r\n", "HD\r\n"),
        ("ms l 2 MA N60\r\nhi\r\n", "HD\r\n"),
        ("mg l v\r\n", "VA 2\r\nhi\r\n"),
        ("ms k 2 q\r\nxx\r\n", ""),
        ("ms k 2 q ME\r\nyy\r\n", "NS\r\n"),
    ]);
}

#[test]
fn compare_and_swap() {
    conversation(&[
        ("ms k 1 C5\r\nx\r\n", "NF\r\n"),
        ("ms k 1 E100\r\nx\r\n", "HD\r\n"),
        ("ms k 1 C99 c Oz\r\ny\r\n", "EX c0 Oz\r\n"),
        ("ms k 1 C100 E200 c\r\ny\r\n", "HD c200\r\n"),
        ("md k C100 k\r\n", "EX kk\r\n"),
        ("md k C200 q\r\n", ""),
        ("md k q\r\n", "NF\r\n"),
    ]);
}

#[test]
fn a_value_that_the_client_has_is_not_sent() {
    conversation(&[
        ("ms k 3 E7\r\nabc\r\n", "HD\r\n"),
        ("mg k C7 v c\r\n", "HD c7\r\n"),
        ("mg k C8 v c\r\n", "VA 3 c7\r\nabc\r\n"),
    ]);
}

#[test]
fn arithmetic() {
    conversation(&[
        ("ma n\r\n", "NF\r\n"),
        ("ma n q\r\n", "NF\r\n"),
        ("ma n N0 J13 v\r\n", "VA 2\r\n13\r\n"),
        ("ma n N0 J13 v\r\n", "VA 2\r\n14\r\n"),
        ("ma n\r\n", "HD\r\n"),
        ("ma n D10 v\r\n", "VA 2\r\n25\r\n"),
        ("ma n MD D100 v\r\n", "VA 1\r\n0\r\n"),
        ("ma n M+ D18446744073709551615 v\r\n", "VA 20\r\n18446744073709551615\r\n"),
        ("ma n MI v t\r\n", "VA 1 t-1\r\n0\r\n"),
        ("ma n E90 c q v\r\n", ""),
        ("ma n C89\r\n", "EX\r\n"),
        ("ma n C90 E91 c\r\n", "HD c91\r\n"),
        ("ms n 1\r\nx\r\n", "HD\r\n"),
        ("ma n\r\n", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ]);
}

#[test]
fn one_client_wins_a_stale_item_and_the_others_use_it() {
    conversation(&[
        ("ms k 1 E10 T500\r\nx\r\n", "HD\r\n"),
        ("md k I T30 E11\r\n", "HD\r\n"),
        ("mg k v c\r\n", "VA 1 c11 X W\r\nx\r\n"),
        ("mg k v\r\n", "VA 1 Z X\r\nx\r\n"),
        ("ms k 1 C11 T500\r\ny\r\n", "HD\r\n"),
        ("mg k v\r\n", "VA 1\r\ny\r\n"),
    ]);
}

#[test]
fn an_older_value_is_stored_as_stale() {
    conversation(&[
        ("ms k 1 E50\r\nx\r\n", "HD\r\n"),
        ("ms k 1 I C40 E51\r\nw\r\n", "HD\r\n"),
        ("mg k v c\r\n", "VA 1 c51 X W\r\nw\r\n"),
        ("ms k 1 I C60\r\nv\r\n", "EX\r\n"),
    ]);
}

#[test]
fn one_client_is_asked_to_refresh_what_ends_soon() {
    conversation(&[
        ("ms k 1 T20\r\nx\r\n", "HD\r\n"),
        ("mg k v R10\r\n", "VA 1\r\nx\r\n"),
        ("mg k v R60\r\n", "VA 1 W\r\nx\r\n"),
        ("mg k v R60\r\n", "VA 1 Z\r\nx\r\n"),
        ("ms k 1 T900\r\ny\r\n", "HD\r\n"),
        ("mg k v R60\r\n", "VA 1\r\ny\r\n"),
    ]);
}

#[test]
fn one_client_is_asked_to_make_what_is_missing() {
    conversation(&[
        ("mg k v N600 E77 c t\r\n", "VA 0 c77 t600 W\r\n\r\n"),
        ("mg k v N600\r\n", "VA 0 Z\r\n\r\n"),
        ("ms k 1 C77\r\nx\r\n", "HD\r\n"),
        ("mg k v N600\r\n", "VA 1\r\nx\r\n"),
    ]);
}

#[test]
fn deleting_the_value_keeps_the_item() {
    conversation(&[
        ("ms k 3 F9\r\nabc\r\n", "HD\r\n"),
        ("md k x\r\n", "HD\r\n"),
        ("mg k v s f\r\n", "VA 0 s0 f0\r\n\r\n"),
    ]);
}

#[test]
fn a_time_to_live_can_be_read_and_changed_in_one_request() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("ms k 1 T100\r\nx\r\n").expect("HD\r\n");
    client.say("mg k t T200 t\r\n").expect("CLIENT_ERROR duplicate flag\r\n");
    client.say("mg k t T200\r\n");
    assert!(matches!(client.line().as_str(), "HD t100" | "HD t99"), "the one before");
    client.say("mg k T300 t\r\n").expect("HD t300\r\n");
    client.say("mg k T-1 v\r\nmg k v\r\n").expect("VA 1\r\nx\r\nEN\r\n");
}

#[test]
fn a_quiet_pipeline_ends_with_a_no_op() {
    let server = Server::start("");
    let mut request = Vec::new();
    for number in 0..1000 {
        request.extend_from_slice(format!("ms k{number} 1 q\r\nx\r\nmg none{number} v q\r\n").as_bytes());
    }
    request.extend_from_slice(b"mg k5 v k q\r\nmn\r\n");
    server.client().converse(&request, b"VA 1 kk5\r\nx\r\nMN\r\n").is_quiet();
}

#[test]
fn an_item_can_be_looked_at() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("ms k 1 E5\r\nx\r\n").expect("HD\r\n").say("me k\r\n");
    let line = client.line();
    assert!(line.starts_with("ME k exp=-1 la=0 cas=5 fetch=no cls="), "{line}");
    let size = line.rsplit_once("size=").unwrap().1;
    assert!((2..100).contains(&size.parse::<u32>().unwrap()), "{line}");
    client.say("me none\r\n").expect("EN\r\n").is_quiet();
}
