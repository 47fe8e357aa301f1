//go:build !unix

package main

import "time"

// cpuTime is zero where this program can't tell it.
func cpuTime() time.Duration { return 0 }
