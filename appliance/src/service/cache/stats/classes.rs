//! `stats items` and `stats slabs`: a size class's items, and its memory.
#![forbid(unsafe_code)]

use spindle_net::wire::memcached::stats::{write_class_number, write_number};
use spindle_slab::{ClassCounters, Counters};

/// Of memcached's segmented lists. A class has one list here, which is called cold, as in a memcached without segments.
const SEGMENTS: &[&str] = &[
    "number_hot",
    "number_warm",
    "age_hot",
    "age_warm",
    "evicted_active",
    "crawler_reclaimed",
    "crawler_items_checked",
    "lrutail_reflocked",
    "moves_to_cold",
    "moves_to_warm",
    "moves_within_lru",
    "direct_reclaims",
    "hits_to_hot",
    "hits_to_warm",
    "hits_to_cold",
    "hits_to_temp",
];

/// Commands are counted for the whole cache and not by class, which would put another line of memory on a get's path.
const COMMANDS: &[&str] =
    &["get_hits", "cmd_set", "delete_hits", "incr_hits", "decr_hits", "cas_hits", "cas_badval", "touch_hits"];

/// Classes that hold memory, with the number that clients know them by.
fn classes(counters: &Counters) -> impl Iterator<Item = (u32, &ClassCounters)> {
    counters.classes.iter().zip(1u32..).filter(|(class, _)| class.pages > 0).map(|(class, number)| (number, class))
}

pub fn write_items(counters: &Counters, out: &mut Vec<u8>) {
    for (number, class) in classes(counters) {
        let tally = &class.tally;
        for (name, value) in [
            ("number", tally.items),
            ("number_cold", tally.items),
            ("age", u64::from(tally.idle_seconds)),
            ("mem_requested", tally.bytes),
            ("evicted", tally.evictions),
            ("evicted_nonzero", 0),
            ("evicted_time", u64::from(tally.evicted_idle_seconds)),
            ("outofmemory", tally.out_of_memory),
            ("tailrepairs", 0),
            ("reclaimed", tally.reclaimed),
            ("expired_unfetched", tally.expired_unfetched),
            ("evicted_unfetched", tally.evicted_unfetched),
        ] {
            write_class_number(out, "items:", number, name, value);
        }
        for name in SEGMENTS {
            write_class_number(out, "items:", number, name, 0);
        }
    }
}

pub fn write_slabs(counters: &Counters, out: &mut Vec<u8>) {
    let mut active = 0;
    for (number, class) in classes(counters) {
        active += 1;
        for (name, value) in [
            ("chunk_size", u64::from(class.chunk_bytes)),
            ("chunks_per_page", u64::from(class.chunks_per_page)),
            ("total_pages", class.pages),
            ("total_chunks", class.used_chunks + class.free_chunks),
            ("used_chunks", class.used_chunks),
            ("free_chunks", class.free_chunks),
            ("free_chunks_end", 0),
            // memcached moved it to `stats items`; exporters look here, too.
            ("mem_requested", class.tally.bytes),
        ] {
            write_class_number(out, "", number, name, value);
        }
        for name in COMMANDS {
            write_class_number(out, "", number, name, 0);
        }
    }
    write_number(out, "active_slabs", active);
    write_number(out, "total_malloced", counters.memory_bytes_used);
}
