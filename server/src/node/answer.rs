//! One value that comes later, from another thread: for threads that wait and for asynchronous code alike.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

enum Slot<T> {
    Open(Option<Waker>),
    Given(T),
    /// Nothing will come, or it was taken.
    Closed,
}

struct Shared<T> {
    slot: Mutex<Slot<T>>,
    there: Condvar,
}

impl<T> Shared<T> {
    fn slot(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only the first value counts.
    fn settle(&self, with: Slot<T>) {
        let mut slot = self.slot();
        if matches!(*slot, Slot::Open(_)) {
            let before = std::mem::replace(&mut *slot, with);
            drop(slot);
            self.there.notify_all();
            if let Slot::Open(Some(waker)) = before {
                waker.wake();
            }
        }
    }
}

/// Gives the value. Dropped without giving, it tells whoever waits that nothing will come.
pub(super) struct Promise<T>(Arc<Shared<T>>);

impl<T> Promise<T> {
    /// A promise and its answer.
    pub(super) fn pair() -> (Self, Answer<T>) {
        let shared = Arc::new(Shared { slot: Mutex::new(Slot::Open(None)), there: Condvar::new() });
        (Self(shared.clone()), Answer(shared))
    }

    /// Gives the value.
    pub(super) fn give(self, value: T) {
        self.0.settle(Slot::Given(value));
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.0.settle(Slot::Closed);
    }
}

/// A value that comes later; nothing, if whoever promised it is gone.
pub struct Answer<T>(Arc<Shared<T>>);

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

impl<T> Answer<T> {
    /// Waits for it on this thread.
    pub fn wait(self) -> Option<T> {
        let mut slot = self.0.slot();
        loop {
            match std::mem::replace(&mut *slot, Slot::Closed) {
                Slot::Given(value) => return Some(value),
                Slot::Closed => return None,
                open => *slot = open,
            }
            slot = self.0.there.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.0.slot();
        match std::mem::replace(&mut *slot, Slot::Closed) {
            Slot::Given(value) => Poll::Ready(Some(value)),
            Slot::Closed => Poll::Ready(None),
            Slot::Open(_) => {
                *slot = Slot::Open(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_once_or_not_at_all() {
        let (promise, answer) = Promise::pair();
        let waiting = std::thread::spawn(|| answer.wait());
        std::thread::sleep(std::time::Duration::from_millis(5));
        promise.give(7);
        assert_eq!(waiting.join().unwrap(), Some(7));
        let (promise, answer) = Promise::<u8>::pair();
        drop(promise);
        assert_eq!(answer.wait(), None);
    }

    #[test]
    fn asynchronous_code_is_woken() {
        let (promise, answer) = Promise::pair();
        let (dropped, nothing) = Promise::<u8>::pair();
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            promise.give("late");
            drop(dropped);
        });
        let both = actix_web::rt::System::new().block_on(async { (answer.await, nothing.await) });
        assert_eq!(both, (Some("late"), None));
    }
}
