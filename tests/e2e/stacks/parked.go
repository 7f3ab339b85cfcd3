// SPDX-License-Identifier: GPL-2.0-only

// Goroutines that fight for a mutex, sleep in system calls and wait for each other.
package main

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

type shop struct {
	sync.Mutex
	hits int
}

//go:noinline
func (s *shop) take(depth int) int {
	if depth > 0 {
		return s.take(depth-1) + 1
	}
	s.Lock()
	defer s.Unlock()
	s.hits++
	nap()
	return s.hits
}

//go:noinline
func nap() {
	rest := syscall.Timespec{Nsec: 20 * 1000 * 1000}
	syscall.Nanosleep(&rest, nil)
}

func main() {
	var s shop
	for i := 0; i < 4; i++ {
		go func(depth int) {
			for {
				s.take(depth)
			}
		}(i * 3)
	}
	time.Sleep(300 * time.Millisecond)
	fmt.Println("ready")
	for {
		nap()
	}
}
