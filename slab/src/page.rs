//! What is known of a page, and lists of pages threaded through these records.
#![forbid(unsafe_code)]

use crate::arena::Heap;

/// No page: page 0 is never handed out.
pub(crate) const NO_PAGE: u32 = 0;
/// No chunk: offsets are counted in words, and a page has 8192 of them.
pub(crate) const NO_CHUNK: u16 = u16::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum PageState {
    Pooled = 0,
    /// Serves its class.
    Open = 1,
    /// Being emptied: goes home with its last chunk.
    Draining = 2,
}

/// Record of one page; all zero at first. Belongs to whoever owns the page.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct PageMeta {
    state: u8,
    pub(crate) class: u8,
    /// First freed chunk, in words from the start of the page; the chunks are linked by their first word.
    pub(crate) free_head: u16,
    /// Chunks in use.
    pub(crate) used: u16,
    /// Chunks in use that cannot be evicted now: being uploaded, or pinned as a whole.
    pub(crate) held: u16,
    /// Bytes from here on were never cut into chunks.
    pub(crate) fresh: u32,
    all: Links,
    room: Links,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Links {
    previous: u32,
    next: u32,
}

impl PageMeta {
    pub(crate) fn open(class: u8) -> PageMeta {
        let links = Links::default();
        let state = PageState::Open as u8;
        PageMeta { state, class, free_head: NO_CHUNK, used: 0, held: 0, fresh: 0, all: links, room: links }
    }

    pub(crate) fn state(&self) -> PageState {
        match self.state {
            0 => PageState::Pooled,
            1 => PageState::Open,
            _ => PageState::Draining,
        }
    }

    pub(crate) fn set_state(&mut self, state: PageState) {
        self.state = state as u8;
    }

    /// Page that follows in the class's list of all pages.
    pub(crate) fn next(&self) -> u32 {
        self.all.next
    }

    fn links(&mut self, thread: Thread) -> &mut Links {
        match thread {
            Thread::All => &mut self.all,
            Thread::Room => &mut self.room,
        }
    }
}

/// Which of a page's two lists.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Thread {
    /// All pages of a class.
    All,
    /// Those that have a free chunk.
    Room,
}

/// Doubly linked list of pages: every operation is O(1).
#[derive(Debug)]
pub(crate) struct PageList {
    thread: Thread,
    pub(crate) head: u32,
    tail: u32,
    pub(crate) len: u32,
}

impl PageList {
    pub(crate) fn new(thread: Thread) -> PageList {
        PageList { thread, head: NO_PAGE, tail: NO_PAGE, len: 0 }
    }

    pub(crate) fn push_front(&mut self, heap: &mut Heap, page: u32) {
        *heap.page_mut(page).links(self.thread) = Links { previous: NO_PAGE, next: self.head };
        match self.head {
            NO_PAGE => self.tail = page,
            head => heap.page_mut(head).links(self.thread).previous = page,
        }
        self.head = page;
        self.len += 1;
    }

    pub(crate) fn push_back(&mut self, heap: &mut Heap, page: u32) {
        *heap.page_mut(page).links(self.thread) = Links { previous: self.tail, next: NO_PAGE };
        match self.tail {
            NO_PAGE => self.head = page,
            tail => heap.page_mut(tail).links(self.thread).next = page,
        }
        self.tail = page;
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, heap: &mut Heap, page: u32) {
        let Links { previous, next } = std::mem::take(heap.page_mut(page).links(self.thread));
        match previous {
            NO_PAGE => self.head = next,
            page => heap.page_mut(page).links(self.thread).next = next,
        }
        match next {
            NO_PAGE => self.tail = previous,
            page => heap.page_mut(page).links(self.thread).previous = previous,
        }
        self.len -= 1;
    }
}
