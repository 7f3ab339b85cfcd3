// SPDX-License-Identifier: GPL-2.0-only
// Threads that wait by monitors, by java.util.concurrent and for each other.
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.locks.ReentrantLock;

public class Locks {
	static final Object monitor = new Object();
	static final Object signal = new Object();
	static final ReentrantLock lock = new ReentrantLock();
	static final ArrayBlockingQueue<Integer> queue = new ArrayBlockingQueue<>(1);

	static void nap() throws InterruptedException {
		Thread.sleep(3);
	}

	interface Step {
		void run() throws InterruptedException;
	}

	static void forever(String name, Step step) {
		Thread thread = new Thread(() -> {
			try {
				for (;;)
					step.run();
			} catch (InterruptedException e) {
				return;
			}
		}, name);
		thread.setDaemon(true);
		thread.start();
	}

	public static void main(String[] args) throws InterruptedException {
		for (int i = 0; i < 3; i++) {
			forever("monitor", () -> {
				synchronized (monitor) {
					nap();
				}
			});
			forever("lock", () -> {
				lock.lock();
				try {
					nap();
				} finally {
					lock.unlock();
				}
			});
		}
		forever("waits", () -> {
			synchronized (signal) {
				signal.wait();
			}
		});
		forever("signals", () -> {
			nap();
			synchronized (signal) {
				signal.notifyAll();
			}
		});
		forever("takes", () -> queue.take());
		forever("puts", () -> {
			nap();
			queue.put(1);
		});
		Thread.sleep(500);
		System.out.println("ready");
		System.out.flush();
		Thread.sleep(1000 * 1000);
	}
}
