//! Saying things to a client that may be slow, and having the last word with one that goes on talking.
#![forbid(unsafe_code)]

use spindle_core::Parcel;
use spindle_net::connection::{Connection, End, Posted};
use spindle_net::input::Input;

/// What a client may still send after our last word, and how long we wait for it: closing before it has been read would
/// reset the connection, and the word would be lost.
const LINGER_BYTES_MAX: usize = 1 << 30;
const LINGER_NS: u64 = 2_000_000_000;

/// Hands a parcel over, if the client takes the one before it in time.
///
/// # Errors
/// [`End::Silent`] if it does not, or the connection's end.
pub async fn send(connection: &mut Connection, input: &mut Input, parcel: Parcel, idle_ns: u64) -> Result<(), End> {
    if connection.post(parcel)? == Posted::Late {
        let core = connection.core().clone();
        let deadline_ns = core.now_ns().saturating_add(idle_ns);
        // Rare, and apart, so that a conversation stays small.
        Box::pin(core.until(deadline_ns, connection.catch_up(input))).await.unwrap_or(Err(End::Silent))?;
    }
    Ok(())
}

/// Waits until the client has taken everything, if it does so in time.
///
/// # Errors
/// As for [`send`].
pub async fn flush(connection: &mut Connection, input: &mut Input, idle_ns: u64) -> Result<(), End> {
    let core = connection.core().clone();
    let deadline_ns = core.now_ns().saturating_add(idle_ns);
    Box::pin(core.until(deadline_ns, connection.flush(input))).await.unwrap_or(Err(End::Silent))
}

/// Says that nothing more will be said, once everything is, and reads on for a while.
pub async fn linger(connection: &mut Connection, input: &mut Input, idle_ns: u64) {
    if flush(connection, input, idle_ns).await.is_err() {
        return;
    }
    let core = connection.core().clone();
    core.until(core.now_ns() + LINGER_NS, connection.linger(input, LINGER_BYTES_MAX)).await;
}
