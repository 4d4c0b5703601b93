//! Each operation once or twice, as a client would see it.

use spindle_slab::{
    Arithmetic, Cache, Computed, Delete, DeleteMode, Deleted, Direction, Expiry, Fetch, Outcome, Outdated, Recency,
    Refusal, Settings, Store, StoreMode, Token,
};

const NOW: u32 = 1000;

fn cache() -> Cache {
    Cache::new(Settings { reserve_bytes: 64 << 20, ..Settings::default() }).unwrap()
}

fn get(cache: &Cache, key: &str, now: u32) -> Option<Vec<u8>> {
    cache.get(&cache.key(key.as_bytes()), now, |hit| {
        let mut value = Vec::new();
        hit.copy_to(&mut value);
        assert_eq!(value.len(), hit.len);
        value
    })
}

fn store(cache: &Cache, key: &str, value: &[u8], store: Store) -> Outcome {
    cache.store(&cache.key(key.as_bytes()), value, &store, NOW).outcome
}

fn set(cache: &Cache, key: &str, value: &[u8]) {
    assert_eq!(store(cache, key, value, Store::default()), Outcome::Stored);
}

fn mode(mode: StoreMode) -> Store {
    Store { mode, ..Store::default() }
}

fn cas(cache: &Cache, key: &str) -> u64 {
    cache.peek(&cache.key(key.as_bytes()), NOW, |hit| hit.cas).unwrap()
}

#[test]
fn set_get_delete() {
    let cache = cache();
    assert_eq!(get(&cache, "a", NOW), None);
    set(&cache, "a", b"one");
    assert_eq!(get(&cache, "a", NOW).unwrap(), b"one");
    set(&cache, "a", b"another");
    assert_eq!(get(&cache, "a", NOW).unwrap(), b"another");
    set(&cache, "a", b"");
    assert_eq!(get(&cache, "a", NOW).unwrap(), b"");
    let key = cache.key(b"a");
    assert_eq!(cache.delete(&key, &Delete::default(), NOW), Deleted::Deleted);
    assert_eq!(cache.delete(&key, &Delete::default(), NOW), Deleted::NotFound);
    assert_eq!(get(&cache, "a", NOW), None);
    assert_eq!(cache.counters().items, 0);
    assert_eq!(cache.counters().bytes, 0);
}

#[test]
fn modes_hold_their_conditions() {
    let cache = cache();
    assert_eq!(store(&cache, "a", b"x", mode(StoreMode::Replace)), Outcome::NotStored);
    assert_eq!(store(&cache, "a", b"x", mode(StoreMode::Append)), Outcome::NotStored);
    assert_eq!(store(&cache, "a", b"mid", mode(StoreMode::Add)), Outcome::Stored);
    assert_eq!(store(&cache, "a", b"x", mode(StoreMode::Add)), Outcome::NotStored);
    assert_eq!(store(&cache, "a", b" end", mode(StoreMode::Append)), Outcome::Stored);
    assert_eq!(store(&cache, "a", b"start ", mode(StoreMode::Prepend)), Outcome::Stored);
    assert_eq!(get(&cache, "a", NOW).unwrap(), b"start mid end");
    assert_eq!(store(&cache, "a", b"new", mode(StoreMode::Replace)), Outcome::Stored);
    assert_eq!(get(&cache, "a", NOW).unwrap(), b"new");
    let vivify = Store { mode: StoreMode::Append, vivify: Some(Expiry::NEVER), ..Store::default() };
    assert_eq!(store(&cache, "b", b"made", vivify), Outcome::Stored);
    assert_eq!(get(&cache, "b", NOW).unwrap(), b"made");
}

#[test]
fn append_keeps_flags_and_expiry() {
    let cache = cache();
    let first = Store { flags: 7, expiry: Expiry::at(NOW + 10), ..Store::default() };
    assert_eq!(store(&cache, "a", b"x", first), Outcome::Stored);
    let more = Store { mode: StoreMode::Append, flags: 9, expiry: Expiry::NEVER, ..Store::default() };
    assert_eq!(store(&cache, "a", &[b'y'; 20_000], more), Outcome::Stored);
    let seen = cache.peek(&cache.key(b"a"), NOW, |hit| (hit.flags, hit.expiry, hit.len)).unwrap();
    assert_eq!(seen, (7, Expiry::at(NOW + 10), 20_001));
    assert_eq!(get(&cache, "a", NOW + 10), None);
}

#[test]
fn compare_and_swap() {
    let cache = cache();
    let compare = |cas| Store { compare: Some(cas), ..Store::default() };
    assert_eq!(store(&cache, "a", b"x", compare(1)), Outcome::NotFound);
    set(&cache, "a", b"x");
    let id = cas(&cache, "a");
    assert_eq!(store(&cache, "a", b"y", compare(id + 1)), Outcome::Exists);
    assert_eq!(store(&cache, "a", b"y", compare(id)), Outcome::Stored);
    assert_eq!(store(&cache, "a", b"z", compare(id)), Outcome::Exists);
    assert!(cas(&cache, "a") > id);
    let explicit = Store { cas: Some(12), ..Store::default() };
    assert_eq!(cache.store(&cache.key(b"a"), b"z", &explicit, NOW).cas, 12);
    assert_eq!(cas(&cache, "a"), 12);
}

#[test]
fn stale_items_hand_out_one_token() {
    let cache = cache();
    set(&cache, "a", b"old");
    let id = cas(&cache, "a");
    let key = cache.key(b"a");
    let stale = Delete { mode: DeleteMode::MarkStale { expiry: Some(Expiry::at(NOW + 30)) }, ..Delete::default() };
    assert_eq!(cache.delete(&key, &stale, NOW), Deleted::Deleted);
    let fetch = || cache.fetch(&key, &Fetch::default(), NOW, |hit| (hit.stale, hit.token, hit.expiry)).unwrap();
    assert_eq!(fetch(), (true, Token::Won, Expiry::at(NOW + 30)));
    assert_eq!(fetch(), (true, Token::Taken, Expiry::at(NOW + 30)));
    let late = Store { compare: Some(id), outdated: Outdated::StoreStale, ..Store::default() };
    assert_eq!(store(&cache, "a", b"late", late), Outcome::Stored);
    assert_eq!(fetch(), (true, Token::Taken, Expiry::at(NOW + 30)));
    assert_eq!(get(&cache, "a", NOW).unwrap(), b"late");
    set(&cache, "a", b"fresh");
    assert_eq!(fetch(), (false, Token::Idle, Expiry::NEVER));
}

#[test]
fn vivify_recache_and_touch() {
    let cache = cache();
    let key = cache.key(b"a");
    let vivify = Fetch { vivify: Some(Expiry::at(NOW + 30)), ..Fetch::default() };
    assert_eq!(cache.fetch(&key, &vivify, NOW, |hit| (hit.len, hit.token)), Some((0, Token::Won)));
    assert_eq!(cache.fetch(&key, &vivify, NOW, |hit| (hit.len, hit.token)), Some((0, Token::Taken)));
    assert_eq!(store(&cache, "a", b"x", Store { expiry: Expiry::at(NOW + 30), ..Store::default() }), Outcome::Stored);
    let recache = |seconds| Fetch { recache_before: Some(NOW + seconds), ..Fetch::default() };
    assert_eq!(cache.fetch(&key, &recache(30), NOW, |hit| hit.token), Some(Token::Idle));
    assert_eq!(cache.fetch(&key, &recache(31), NOW, |hit| hit.token), Some(Token::Won));
    assert_eq!(cache.fetch(&key, &recache(31), NOW, |hit| hit.token), Some(Token::Taken));
    let touch = Fetch { touch: Some(Expiry::NEVER), ..Fetch::default() };
    let seen = cache.fetch(&key, &touch, NOW, |hit| (hit.expiry, hit.expiry_now())).unwrap();
    assert_eq!(seen, (Expiry::at(NOW + 30), Expiry::NEVER));
    assert!(cache.touch(&key, Expiry::at(NOW + 5), NOW));
    assert_eq!(get(&cache, "a", NOW + 4).unwrap(), b"x");
    assert_eq!(get(&cache, "a", NOW + 5), None);
    assert_eq!(cache.counters().tally.get_expired, 1);
    assert!(!cache.touch(&key, Expiry::NEVER, NOW + 5));
}

#[test]
fn facts_are_those_before_the_access() {
    let cache = cache();
    set(&cache, "a", b"x");
    let key = cache.key(b"a");
    let look = |now, recency| {
        let fetch = Fetch { recency, ..Fetch::default() };
        cache.fetch(&key, &fetch, now, |hit| (hit.fetched, hit.accessed)).unwrap()
    };
    assert_eq!(look(NOW + 1, Recency::Ignore), (false, NOW));
    assert_eq!(look(NOW + 2, Recency::Count), (false, NOW));
    assert_eq!(look(NOW + 3, Recency::Count), (true, NOW + 2));
    assert_eq!(cache.peek(&key, NOW + 9, |hit| hit.accessed), Some(NOW + 3));
}

#[test]
fn numbers() {
    let cache = cache();
    let key = cache.key(b"n");
    let sum = |direction, delta| {
        let arithmetic = Arithmetic { direction, delta, ..Arithmetic::default() };
        match cache.arithmetic(&key, &arithmetic, NOW) {
            Computed::Value { value, .. } => Some(value),
            _ => None,
        }
    };
    assert_eq!(cache.arithmetic(&key, &Arithmetic::default(), NOW), Computed::NotFound);
    let initial = Arithmetic { initial: Some((98, Expiry::NEVER)), ..Arithmetic::default() };
    assert!(matches!(cache.arithmetic(&key, &initial, NOW), Computed::Value { value: 98, .. }));
    assert_eq!(sum(Direction::Increment, 3), Some(101));
    assert_eq!(sum(Direction::Decrement, 2), Some(99));
    assert_eq!(get(&cache, "n", NOW).unwrap(), b"99 ");
    assert_eq!(sum(Direction::Decrement, 200), Some(0));
    assert_eq!(sum(Direction::Increment, u64::MAX), Some(u64::MAX));
    assert_eq!(sum(Direction::Increment, 1), Some(0));
    set(&cache, "n", b"seven");
    assert_eq!(cache.arithmetic(&key, &Arithmetic::default(), NOW), Computed::NonNumeric);
}

#[test]
fn the_item_limit_is_memcacheds() {
    let cache = cache();
    let big = vec![b'v'; 1_049_600];
    set(&cache, "foo_1047552", &big[..1_047_552]);
    assert_eq!(get(&cache, "foo_1047552", NOW).unwrap(), &big[..1_047_552]);
    assert_eq!(store(&cache, "foo_1049600", &big, Store::default()), Outcome::TooLarge);
    assert_eq!(cache.reserve(&cache.key(b"k"), 1_049_600, &Store::default()).err(), Some(Refusal::TooLarge));
    assert_eq!(store(&cache, &"k".repeat(251), b"x", Store::default()), Outcome::TooLarge);
    set(&cache, &"k".repeat(250), b"x");
}

#[test]
fn flush_now_and_later() {
    let cache = cache();
    for key in ["a", "b", "c"] {
        set(&cache, key, b"x");
    }
    cache.flush(None, NOW);
    assert_eq!(get(&cache, "a", NOW), None);
    set(&cache, "b", b"y");
    assert_eq!(get(&cache, "b", NOW).unwrap(), b"y");
    cache.flush(Some(NOW + 5), NOW);
    set(&cache, "c", b"z");
    assert_eq!(get(&cache, "b", NOW + 4).unwrap(), b"y");
    assert_eq!(get(&cache, "b", NOW + 5), None);
    assert_eq!(get(&cache, "c", NOW + 5), None);
    cache.flush(Some(NOW + 9), NOW + 6);
    cache.flush(None, NOW + 6);
    let late = cache.store(&cache.key(b"d"), b"w", &Store::default(), NOW + 7);
    assert_eq!(late.outcome, Outcome::Stored);
    assert_eq!(get(&cache, "d", NOW + 20).unwrap(), b"w");
}

#[test]
fn an_upload_takes_memory_as_it_is_filled() {
    let cache = cache();
    let idle = cache.counters().memory_bytes_used;
    let value: Vec<u8> = (0..300_000u32).map(|at| at as u8).collect();
    let key = cache.key(b"up");
    let mut upload = cache.reserve(&key, value.len(), &Store { flags: 5, ..Store::default() }).unwrap();
    assert_eq!(cache.counters().memory_bytes_used, idle);
    assert_eq!(upload.write(&value[..70_000], NOW), Ok(0));
    assert!(cache.counters().memory_bytes_used < idle + 5 * 65_536);
    assert_eq!(get(&cache, "up", NOW), None);
    drop(upload);
    assert_eq!(cache.counters().memory_bytes_used, idle);
    assert_eq!(cache.counters().lent_bytes, 0);
    let mut upload = cache.reserve(&key, value.len(), &Store { flags: 5, ..Store::default() }).unwrap();
    let mut rest = &value[..];
    while upload.remaining() > 0 {
        let piece = upload.piece(NOW).unwrap();
        let len = piece.len().min(1000);
        piece[..len].copy_from_slice(&rest[..len]);
        upload.filled(len);
        rest = &rest[len..];
    }
    assert_eq!(upload.commit(NOW).outcome, Outcome::Stored);
    assert_eq!(get(&cache, "up", NOW).unwrap(), value);
    assert_eq!(cache.peek(&key, NOW, |hit| hit.flags), Some(5));
    let empty = cache.reserve(&key, 0, &Store::default()).unwrap();
    assert_eq!(empty.commit(NOW).outcome, Outcome::Stored);
    assert_eq!(get(&cache, "up", NOW).unwrap(), b"");
    assert_eq!(cache.counters().lent_bytes, 0);
}
