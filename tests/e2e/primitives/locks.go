// SPDX-License-Identifier: GPL-2.0-only

// Goroutines that wait in all the ways of Go: a mutex, a channel, a wait group, a condition. Go parks
// them by itself, and no thread waits for any of these: what waits are threads without a goroutine.
package main

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

//go:noinline
func nap() {
	rest := syscall.Timespec{Nsec: 2 * 1000 * 1000}
	syscall.Nanosleep(&rest, nil)
}

var mutex sync.Mutex

//go:noinline
func takeMutex() {
	mutex.Lock()
	nap()
	mutex.Unlock()
}

//go:noinline
func passOn(from, to chan int) {
	to <- <-from
	nap()
}

//go:noinline
func gather() {
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			nap()
			group.Done()
		}()
	}
	group.Wait()
}

func main() {
	a, b := make(chan int, 1), make(chan int, 1)
	a <- 1
	for i := 0; i < 3; i++ {
		go func() {
			for {
				takeMutex()
			}
		}()
	}
	go func() {
		for {
			passOn(a, b)
		}
	}()
	go func() {
		for {
			passOn(b, a)
		}
	}()
	go func() {
		for {
			gather()
		}
	}()
	time.Sleep(100 * time.Millisecond)
	fmt.Println("ready")
	select {}
}
