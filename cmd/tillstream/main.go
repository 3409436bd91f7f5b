// Command tillstream carries every change of a retail POS to BigCommerce: it runs
// the program (up), and it is how people and scripts look at it and tell it what
// to do.
//
// A command that needs the state talks to the tillstream that runs on the data
// folder, or, when none does, opens the folder itself for as long as it takes.
// Both ways it speaks the same HTTP API, so there is one meaning of every command.
//
// Results go to standard output and everything else to standard error. The exit
// code is 0 when it was done, 1 when it failed, 2 when the command line or the
// settings were wrong, and 3 when what was compared is not the same.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// The first signal asks for an orderly end. It also gives the next one back its
	// usual effect, which is to end the program at once: what was accepted is on disk.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}
