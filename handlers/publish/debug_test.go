package publish_test

import (
	"fmt"
	"os"
)

func debugDump(s *shop) {
	f, _ := os.Create("/tmp/links/dump.txt")
	defer f.Close()
	for _, r := range s.sim.Requests() {
		fmt.Fprintf(f, "%s %s %s %s %d %s\n", r.At.Format("15:04:05.000"), r.Actor, r.Method, r.Path, r.Status, r.Body)
		for _, e := range r.Effects {
			fmt.Fprintf(f, "      %v %s product %d variant %d %v\n", e.Verb, e.Kind, e.Product, e.Variant, len(e.Fields))
		}
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, rec := range s.log.events {
		ev, _ := rec.Event()
		fmt.Fprintf(f, "%s SYNC %d %T %+v\n", rec.RecordedAt.Format("15:04:05.000"), rec.Position, ev, ev)
	}
}
