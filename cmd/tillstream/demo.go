package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type demoFlags struct {
	play bool
	day  time.Duration
	exit bool
}

func (d *demoFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&d.play, "demo", false, "play a trading day of an invented shop against a simulated BigCommerce")
	flags.DurationVar(&d.day, "day", 2*time.Minute, "how long the demo's trading day takes")
	flags.BoolVar(&d.exit, "exit", false, "end when the demo's day is over")
}

func isDemo(string) bool { return false }

func (c *cli) demo(*cobra.Command, demoFlags) error { return errors.New("demo: soon") }
