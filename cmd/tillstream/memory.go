package main

import "github.com/KimMachineGun/automemlimit/memlimit"

// mostMemory is the share of the memory of its container, or of the machine, near which the
// garbage collector works harder instead of letting the process grow. The rest is for the
// files of the broker, and for others.
const mostMemory = 0.75

// limitMemory has the garbage collector keep to that, unless the environment says otherwise:
// GOMEMLIMIT, which is Go's own, or AUTOMEMLIMIT, a share. The broker leaves much garbage
// where it reads what is asked for.
func limitMemory() error {
	_, err := memlimit.Set(memlimit.WithRatio(mostMemory), memlimit.WithProvider(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)))
	return err
}
