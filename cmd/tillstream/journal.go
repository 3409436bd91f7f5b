package main

import (
	"sync"

	"github.com/tillstream/tillstream/domain"
	pos "github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// journal is the POS log of a store, by what the occurrences of its simulated
// account are found under. It may be written and read at the same time.
type journal struct {
	outlets map[string]domain.OutletID // by the account's ids

	mu    sync.Mutex
	items map[domain.ItemID][]noted // in the order of the log
}

// noted is one event of an item.
type noted struct {
	position domain.Position
	kind     domain.Type
	version  uint64
	document string          // the sale, consignment or adjustment
	outlet   domain.OutletID // of a level
}

func newJournal(account *pos.Account) *journal {
	return &journal{outlets: outletNames(account), items: map[domain.ItemID][]noted{}}
}

// outletNames are what the outlets of an account are called here, by its own ids.
func outletNames(account *pos.Account) map[string]domain.OutletID {
	names := map[string]domain.OutletID{}
	for _, o := range account.Outlets() {
		names[o.ID] = domain.OutletID(o.Name)
	}
	return names
}

// note takes the next event.
func (j *journal) note(rec *domain.Recorded) {
	n := noted{position: rec.Position, kind: rec.Type, version: rec.SourceVersion, document: rec.CorrelationID}
	if event, err := rec.Event(); err == nil { // else it says nothing of a level
		if level, ok := event.(*domain.StockLevelReported); ok {
			n.outlet = level.Outlet
		}
	}
	item := domain.ItemID(rec.Subject)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.items[item] = append(j.items[item], n)
}

// find returns the position of the first event that says what has occurred. Of a
// product and of a level, one that says something newer will do: what was changed
// twice may be read once.
func (j *journal) find(o pos.Occurrence) (domain.Position, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range j.items[domain.ItemID(o.Product)] {
		if j.says(n, o) {
			return n.position, true
		}
	}
	return 0, false
}

func (j *journal) says(n noted, o pos.Occurrence) bool {
	newer := n.version >= uint64(o.Version)
	switch o.Trigger {
	case pos.TriggerSave, pos.TriggerImport, pos.Deletion:
		return newer && (n.kind == domain.TypeProductSaved || n.kind == domain.TypeProductDeleted)
	case pos.LevelMoved:
		return newer && n.kind == domain.TypeStockLevelReported && n.outlet == j.outlets[o.Outlet]
	}
	return n.document == o.Ref && n.kind == documentTypes[o.Trigger]
}

// documentTypes are the events of what has a document of its own.
var documentTypes = map[pos.Trigger]domain.Type{
	pos.TriggerSale: domain.TypeItemSold, pos.TriggerRefund: domain.TypeItemRefunded, pos.TriggerExchange: domain.TypeItemExchanged,
	pos.TriggerCount: domain.TypeStockCounted, pos.TriggerOrder: domain.TypeStockOrderReceived,
	pos.TriggerTransfer: domain.TypeStockTransferred, pos.TriggerAdjustment: domain.TypeStockAdjusted,
}

// levels counts the levels that were reported after a position.
func (j *journal) levels(after domain.Position) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, all := range j.items {
		for _, e := range all {
			if e.kind == domain.TypeStockLevelReported && e.position > after {
				n++
			}
		}
	}
	return n
}
