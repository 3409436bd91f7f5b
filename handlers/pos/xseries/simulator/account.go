package simulator

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// Account is one simulated X-Series account. It is an http.Handler, safe for concurrent use.
type Account struct {
	cfg Config
	mux *http.ServeMux

	mu      sync.Mutex
	rand    *rand.Rand // for webhooks and faults alone: what happens in the shop is not moved by them
	version int64      // given last, to whatever changed
	serials map[kind]int
	moment  time.Time // of what happens in the shop now; the zero time is the clock's

	outlets    []*outlet
	registers  []*register
	taxes      []*tax
	brands     named
	suppliers  named
	categories named
	tags       named
	attributes named // what options are called

	families    feed[*family]
	products    feed[*product]
	order       []*product // as they were made
	skus        map[string]*product
	names       map[string]*family // of those that have members left
	levels      feed[*level]
	sales       feed[*sale]
	consigned   feed[*consignment]
	adjustments feed[*adjustment]
	book        ledger
	diary       standin.Recent[Occurrence]
	occurred    int64 // of the diary's entries
	times       map[Trigger]int
	importing   bool // what is saved comes from a file

	hooks  []*hook
	outbox outbox

	tokens     tokens
	faults     []*standing
	down       bool
	log        requestLog
	violations standin.Recent[Violation]
	released   chan struct{}
}

// New returns an account with its opening stock. It panics when a setting or a fault of cfg cannot be so; [Config.Check]
// tells before.
func New(cfg Config) *Account {
	if err := cfg.Check(); err != nil {
		panic("simulator: " + err.Error())
	}
	cfg = cfg.withDefaults()
	a := &Account{
		cfg:        cfg,
		rand:       rand.New(rand.NewPCG(cfg.Seed, 1)),
		version:    firstVersion,
		serials:    map[kind]int{},
		skus:       map[string]*product{},
		names:      map[string]*family{},
		book:       ledger{levels: Books{}, moves: standin.Recent[Movement]{Limit: cfg.LogLimit}},
		diary:      standin.Recent[Occurrence]{Limit: cfg.LogLimit},
		times:      map[Trigger]int{},
		outbox:     outbox{queue: standin.NewQueue[Delivery](), tried: standin.Recent[Delivery]{Limit: cfg.LogLimit}},
		tokens:     newTokens(cfg),
		log:        requestLog{Recent: standin.Recent[*Request]{Limit: cfg.LogLimit}},
		violations: standin.Recent[Violation]{Limit: cfg.LogLimit},
		released:   make(chan struct{}),
	}
	a.open()
	a.routes()
	for _, f := range cfg.Faults {
		a.stand(f)
	}
	return a
}

// firstVersion looks like the numbers of an account that has been open for years: they need more than 32 bits.
const firstVersion = 9_021_000_000

// bump gives the next version, of whatever kind of record: there is one sequence for all. Gaps are normal.
func (a *Account) bump() int64 {
	a.version += 1 + a.version%3
	return a.version
}

// touch gives a record a new version and the time of the change.
func (a *Account) touch(s *stamped) {
	s.version = a.bump()
	s.updated = a.now()
	if s.created.IsZero() {
		s.created = s.updated
	}
}

// now is the time of what happens in the shop.
func (a *Account) now() time.Time {
	if !a.moment.IsZero() {
		return a.moment.UTC()
	}
	return a.cfg.Now().UTC()
}

// kind is a kind of thing that has ids. Its value is a part of them, so that no two things share one.
type kind uint16

const (
	kindProduct kind = iota + 0x8001 // as in the shop's export
	kindFamily
	kindOutlet
	kindRegister
	kindTax
	kindNamed
	kindLevel
	kindSale
	kindLine
	kindPayment
	kindConsignment
	kindAdjustment
	kindCode
	kindImage
	kindHook
	kindEntry
	kindClosure
	kindCustomer
	kindPrice
	kindSupply
	kindOwnCode
)

const (
	retailerID = "a1d0c0de-0000-11ee-8fff-000000000001"
	timeZone   = "Europe/London"
	userID     = "a1d0c0de-0000-11ee-8fff-000000000002"
	groupID    = "a1d0c0de-0000-11ee-8fff-000000000003"
)

func (a *Account) id(of kind) string {
	a.serials[of]++
	return serialID(of, a.serials[of])
}

// sibling is the id of something that another thing has exactly one of.
func (a *Account) sibling(of kind, id string) string {
	return serialID(of, 0)[:len(id)-12] + id[len(id)-12:]
}

func serialID(of kind, n int) string { return fmt.Sprintf("a1d0c0de-0000-11ee-%04x-%012d", of, n) }

// odd says whether the record of that id is shown in an unusual form, by itself and not by when it is asked.
func (a *Account) odd(id string) bool {
	return float64(hash(id, a.cfg.Seed)%1000) < a.cfg.Quirks*1000
}

func hash(text string, seed uint64) uint32 {
	h := fnv.New32a()
	fmt.Fprint(h, seed, text)
	return h.Sum32()
}

// thing is one of the small records that others refer to by name.
type thing struct {
	stamped
	name string
}

// named are the things of one kind.
type named struct {
	feed   feed[*thing]
	byName map[string]*thing
}

// thing returns the one of that name, making it if there is none; nil for no name.
func (a *Account) thing(n *named, name string) *thing {
	if name == "" {
		return nil
	}
	if t := n.byName[name]; t != nil {
		return t
	}
	t := &thing{stamped: stamped{id: a.id(kindNamed)}, name: name}
	a.touch(&t.stamped)
	if n.byName == nil {
		n.byName = map[string]*thing{}
	}
	n.byName[name] = t
	n.feed.put(t)
	return t
}

// outlet is a place that sells and has stock.
type outlet struct {
	stamped
	index int
	name  string
	tax   *tax
}

// register is a till.
type register struct {
	stamped
	outlet  *outlet
	name    string
	invoice int // given last
}

// tax is one rate.
type tax struct {
	stamped
	name  string
	rate  Amount
	first bool // the retailer's default
}

// Outlet is an outlet, for who reads the account's books.
type Outlet struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Outlets lists the outlets.
func (a *Account) Outlets() []Outlet {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Outlet, len(a.outlets))
	for i, o := range a.outlets {
		out[i] = Outlet{o.id, o.name}
	}
	return out
}

func (a *Account) outlet(ref string) (*outlet, error) {
	for _, o := range a.outlets {
		if o.id == ref || o.name == ref {
			return o, nil
		}
	}
	return nil, fmt.Errorf("outlet %q: the account has none of that id or name", ref)
}
