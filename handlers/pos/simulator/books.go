package simulator

import "github.com/tillstream/tillstream/domain"

// Books are the stock by item and outlet as the POS has it. Items whose stock is
// not tracked are not in them, nor outlets of which nothing was ever said.
type Books map[domain.ItemID]map[domain.OutletID]domain.Quantity

func (b Books) read(item domain.ItemID, outlet domain.OutletID, onHand *domain.Quantity) {
	if onHand == nil {
		return
	}
	if b[item] == nil {
		b[item] = map[domain.OutletID]domain.Quantity{}
	}
	b[item][outlet] = *onHand
}

// openingBooks are what the export says.
func openingBooks() Books {
	b := Books{}
	for _, it := range newShop().items {
		if !it.family.tracked {
			continue
		}
		for o := range outlets {
			b.read(it.id, o.id(), it.stock[o].onHand())
		}
	}
	return b
}

func (b Books) enter(event domain.Event) {
	switch e := event.(type) {
	case *domain.ItemSold:
		b.read(e.Item, e.Outlet, e.OnHand)
	case *domain.ItemRefunded:
		b.read(e.Item, e.Outlet, e.OnHand)
	case *domain.ItemExchanged:
		b.read(e.Item, e.Outlet, e.OnHand)
	case *domain.StockCounted:
		b.read(e.Item, e.Outlet, &e.OnHand)
	case *domain.StockOrderReceived:
		b.read(e.Item, e.Outlet, e.OnHand)
	case *domain.StockTransferred:
		b.read(e.Item, e.From, e.OnHandFrom)
		b.read(e.Item, e.To, e.OnHandTo)
	case *domain.StockAdjusted:
		b.read(e.Item, e.Outlet, e.OnHand)
	}
}
