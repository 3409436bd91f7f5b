package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// State is how a check ended.
type State string

// The states of a check. One that was skipped says nothing: it is not passed.
const (
	Pass State = "PASS"
	Warn State = "WARN" // somebody should look, and nothing is lost or false
	Fail State = "FAIL" // something is not as it is promised
	Skip State = "SKIP" // it could not be made, and why
)

// Code names a check. Programs may rely on it.
type Code string

// The checks, in the order in which they are told.
const (
	Topology     Code = "topology"     // the streams are as declared
	Rights       Code = "rights"       // the program may not do what would change a log
	Positions    Code = "positions"    // no position of a log is missing
	Tree         Code = "tree"         // the logs are what was signed
	Since        Code = "since"        // and what was signed earlier, by a head from outside
	Copied       Code = "copies"       // what questions are answered from is what the logs have
	Events       Code = "events"       // what is no event has a dead letter
	Duplicates   Code = "duplicates"   // no event counts twice
	Fold         Code = "fold"         // the stored states are what the log amounts to
	Publications Code = "publications" // likewise what is known of pushes
	Behind       Code = "behind"       // BigCommerce was told the newest states
	Twins        Code = "twins"        // no two products share one in BigCommerce
	Sums         Code = "sums"         // every event and every push has ended somewhere
	BigCommerce  Code = "bigcommerce"  // a sample of what BigCommerce shows
)

// Codes are all checks.
func Codes() []Code {
	return []Code{Topology, Rights, Positions, Tree, Since, Copied, Events, Duplicates, Fold, Publications, Behind, Twins, Sums, BigCommerce}
}

// ParseCodes reads names of checks.
func ParseCodes(names []string) ([]Code, error) {
	out := make([]Code, len(names))
	for i, name := range names {
		if out[i] = Code(name); !slices.Contains(Codes(), out[i]) {
			all := make([]string, len(Codes()))
			for i, c := range Codes() {
				all[i] = string(c)
			}
			return nil, &domain.InvalidError{Path: "check", Value: name, Reason: "must be one of " + strings.Join(all, ", ")}
		}
	}
	return out, nil
}

// Result is what a check has found. A check of several logs or stores has one for each.
type Result struct {
	Code   Code           `json:"code" enum:"topology,rights,positions,tree,since,copies,events,duplicates,fold,publications,behind,twins,sums,bigcommerce"`
	State  State          `json:"state" enum:"PASS,WARN,FAIL,SKIP"`
	Log    string         `json:"log,omitempty"`
	Store  domain.StoreID `json:"store,omitempty"`
	Detail string         `json:"detail"`
	// Position is the first that is not as it should be, 0 when there is none or it is
	// not known. With To above it, it is one from Position to To.
	Position domain.Position `json:"position,omitempty"`
	To       domain.Position `json:"to,omitempty"`
}

func (r Result) is(s State, format string, args ...any) Result {
	r.State, r.Detail = s, fmt.Sprintf(format, args...)
	return r
}

func (r Result) at(from, to domain.Position) Result {
	r.Position = from
	if to > from {
		r.To = to
	}
	return r
}

// few counts things and keeps the first of them to be named.
type few struct {
	n     int
	first []string
}

const fewNamed = 3

func (f *few) add(format string, args ...any) {
	if f.n++; f.n <= fewNamed {
		f.first = append(f.first, fmt.Sprintf(format, args...))
	}
}

func (f *few) String() string {
	s := strings.Join(f.first, "; ")
	if f.n > len(f.first) {
		s += fmt.Sprintf("; and %d more", f.n-len(f.first))
	}
	return s
}

// number writes a number and its noun.
func number[N int | int64 | uint64 | domain.Position](n N, noun string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", noun)
	}
	if strings.HasSuffix(noun, "sh") {
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
