// SPDX-License-Identifier: GPL-2.0-only

//! Threads that wait by each primitive of std::sync, below a function for each.

use std::hint::black_box;
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::Duration;

fn nap() {
    thread::sleep(Duration::from_millis(3));
}

static TABLE: Mutex<u64> = Mutex::new(0);
static CATALOGUE: RwLock<u64> = RwLock::new(0);
static TURN: Mutex<u64> = Mutex::new(0);
static TURN_CAME: Condvar = Condvar::new();

#[inline(never)]
fn take_mutex() {
    let mut hits = TABLE.lock().unwrap();
    *hits += 1;
    nap();
}

#[inline(never)]
fn read_catalogue() {
    let hits = CATALOGUE.read().unwrap();
    black_box(*hits);
    nap();
    drop(hits);
    nap();
}

#[inline(never)]
fn write_catalogue() {
    let mut hits = CATALOGUE.write().unwrap();
    *hits += 1;
    nap();
    drop(hits);
    nap(); // or those who wait to read never get to it
}

#[inline(never)]
fn await_turn(mine: u64) {
    let mut turn = TURN.lock().unwrap();
    while *turn % 2 != mine {
        turn = TURN_CAME.wait(turn).unwrap();
    }
    *turn += 1;
    drop(turn);
    nap();
    TURN_CAME.notify_all();
}

#[inline(never)]
fn init_once(once: &Once) {
    once.call_once(nap);
}

#[inline(never)]
fn park_here() {
    thread::park();
    black_box(());
}

#[inline(never)]
fn meet(barrier: &Barrier) {
    barrier.wait();
    nap();
}

fn forever(name: &str, f: impl Fn() + Send + 'static) -> thread::JoinHandle<()> {
    let forever = move || loop {
        f()
    };
    thread::Builder::new().name(name.into()).spawn(forever).unwrap()
}

fn main() {
    let flags: Arc<Vec<Once>> = Arc::new((0..100_000).map(|_| Once::new()).collect());
    let barrier = Arc::new(Barrier::new(2));
    for _ in 0..3 {
        let flags = flags.clone();
        forever("mutex", take_mutex);
        forever("read", read_catalogue);
        forever("write", write_catalogue);
        thread::spawn(move || flags.iter().for_each(init_once));
    }
    for mine in 0..2 {
        let barrier = barrier.clone();
        forever("turn", move || await_turn(mine));
        forever("meet", move || meet(&barrier));
    }
    let parked = forever("parked", park_here);
    forever("unpark", move || {
        nap();
        parked.thread().unpark();
    });
    println!("ready");
    loop {
        nap();
    }
}
