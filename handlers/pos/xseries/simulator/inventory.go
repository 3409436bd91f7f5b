package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// Sizes of the pages of inventory.
const (
	inventoryPage     = 1000
	inventoryMost     = 5000
	levelsPage        = 100
	levelsMost        = 10_000
	adjustmentsPage   = 100
	adjustmentsAtMost = 1000
)

// listInventory is that of 2.0: ascending, in an envelope.
func listInventory(a *Account, x *exchange) (reply, error) {
	s, err := a.span(x, inventoryPage, inventoryMost)
	if err != nil {
		return reply{}, err
	}
	deleted, err := x.flag("deleted")
	if err != nil {
		return reply{}, err
	}
	records := a.levels.page(s, func(l *level) bool { return deleted || !l.gone() })
	return list(x, records, func(l *level) any {
		return object{
			"id": l.id, "product_id": l.product.id, "outlet_id": l.outlet.id, "inventory_level": a.numeral(l.onHand, l.id), "current_amount": a.numeral(l.onHand, l.id),
			"reorder_point": 2, "reorder_amount": 6, "average_cost": l.product.supply, "deleted_at": when(l.deleted, timeOffset), "version": l.version,
		}
	}), nil
}

// inventoryQuery is the body of POST /inventory.
type inventoryQuery struct {
	After          *int64  `json:"after"`
	Before         *int64  `json:"before"`
	Size           *int64  `json:"size"`
	SortDirection  *string `json:"sort_direction"`
	IncludeDeleted bool    `json:"include_deleted"`
	ProductID      *string `json:"product_id"`
	Variants       bool    `json:"variants"`
}

// span checks the cursor. It descends unless it is told not to.
func (q inventoryQuery) span() (span, error) {
	s := span{size: inventoryPage, descending: true}
	for _, n := range []struct {
		name string
		from *int64
		into *int64
	}{{"after", q.After, &s.after}, {"before", q.Before, &s.before}} {
		if n.from != nil && *n.from < 0 {
			return s, refused(http.StatusBadRequest, "%s %d: want 0 or more", n.name, *n.from)
		}
		set(n.into, n.from)
	}
	if q.Size != nil {
		if *q.Size < 1 || *q.Size > inventoryMost {
			return s, refused(http.StatusBadRequest, "size %d: want 1 to %d", *q.Size, inventoryMost)
		}
		s.size = int(*q.Size)
	}
	if q.SortDirection != nil {
		if *q.SortDirection != "asc" && *q.SortDirection != "desc" {
			return s, refused(http.StatusBadRequest, "sort_direction %q: want asc or desc", *q.SortDirection)
		}
		s.descending = *q.SortDirection == "desc"
	}
	return s, nil
}

// findInventory is that of 2026-07: a bare array.
func findInventory(a *Account, x *exchange) (reply, error) {
	var q inventoryQuery
	if err := x.decode(&q); err != nil {
		return reply{}, err
	}
	s, err := q.span()
	if err != nil {
		return reply{}, err
	}
	return a.inventory(s, q), nil
}

// productInventory ascends unless it is told not to.
func productInventory(a *Account, x *exchange) (reply, error) {
	s, err := a.span(x, inventoryPage, inventoryMost)
	if err != nil {
		return reply{}, err
	}
	deleted, err := x.flag("include_deleted")
	if err != nil {
		return reply{}, err
	}
	variants, err := x.flag("variants")
	if err != nil {
		return reply{}, err
	}
	s.descending = x.request.URL.Query().Get("order_direction") == "desc"
	id := x.request.PathValue("id")
	return a.inventory(s, inventoryQuery{IncludeDeleted: deleted, ProductID: &id, Variants: variants}), nil
}

func (a *Account) inventory(s span, q inventoryQuery) reply {
	out := []object{}
	for _, l := range a.levels.page(s, func(l *level) bool { return (q.IncludeDeleted || !l.gone()) && q.about(l.product) }) {
		out = append(out, object{
			"id": l.id, "product_id": l.product.id, "outlet_id": l.outlet.id, "current_inventory_level": a.numeral(l.onHand, l.id), "average_cost": l.product.supply,
			"reorder_point": 2, "reorder_amount": 6, "reorder_target": 8, "reorder_method": "FIXED", "quantity_to_procure": 0,
			"deleted_at": when(l.deleted, timeOffset), "version": l.version,
		})
	}
	return replyJSON(http.StatusOK, out)
}

func (q inventoryQuery) about(p *product) bool {
	if q.ProductID == nil {
		return true
	}
	return p.id == *q.ProductID || q.Variants && p.family.members[0].id == *q.ProductID
}

// levelsQuery is what is taken of the body of POST /inventory_levels.
type levelsQuery struct {
	Offset            int64    `json:"offset"`
	Size              *int64   `json:"size"`
	LocationIDs       []string `json:"location_ids"`
	ProductIDs        []string `json:"product_ids"`
	RootProductIDs    []string `json:"root_product_ids"`
	IncludeInactive   bool     `json:"include_inactive"`
	IncludeComposites bool     `json:"include_composites"`
}

// listLevels is an aggregated view, without versions and with pages by offset. Its order here is that of the ids.
func listLevels(a *Account, x *exchange) (reply, error) {
	q := levelsQuery{}
	if err := x.decode(&q); err != nil {
		return reply{}, err
	}
	size := int64(levelsPage)
	set(&size, q.Size)
	if size < 1 || size > levelsMost || q.Offset < 0 {
		return reply{}, refused(http.StatusBadRequest, "offset %d and size %d: want 0 or more, and 1 to %d", q.Offset, size, levelsMost)
	}
	if len(q.ProductIDs) > 0 && len(q.RootProductIDs) > 0 {
		return reply{}, refused(http.StatusBadRequest, "product_ids and root_product_ids exclude each other")
	}
	out := []object{}
	all := a.products.all()
	slices.SortFunc(all, func(p, other *product) int { return strings.Compare(p.id, other.id) })
	for _, p := range all {
		root := p.family.members[0].id
		if p.gone() || !p.family.tracked || !p.family.active && !q.IncludeInactive || p.composite() && !q.IncludeComposites ||
			len(q.ProductIDs) > 0 && !slices.Contains(q.ProductIDs, p.id) || len(q.RootProductIDs) > 0 && !slices.Contains(q.RootProductIDs, root) {
			continue
		}
		for _, o := range a.outlets {
			if len(q.LocationIDs) > 0 && !slices.Contains(q.LocationIDs, o.id) {
				continue
			}
			if q.Offset > 0 {
				q.Offset--
				continue
			}
			if int64(len(out)) == size {
				return replyJSON(http.StatusOK, out), nil
			}
			out = append(out, object{
				"product_id": p.id, "root_product_id": root, "location_id": o.id, "name": p.family.name, "current_inventory_level": p.onHand(o),
				"average_cost": p.supply, "total_cost": p.supply.times(p.onHand(o)), "quantity_to_procure": 0,
			})
		}
	}
	return replyJSON(http.StatusOK, out), nil
}

func listAdjustments(a *Account, x *exchange) (reply, error) {
	s, err := a.span(x, adjustmentsPage, adjustmentsAtMost)
	if err != nil {
		return reply{}, err
	}
	return list(x, a.adjustments.page(s, func(*adjustment) bool { return true }), showAdjustment), nil
}

func showAdjustment(m *adjustment) any {
	o := object{
		"id": m.id, "user_id": userID, "product_id": m.product.id, "outlet_id": m.outlet.id, "quantity": m.quantity.String(), "reason": m.reason,
		"created_at": timeZ(m.created), "updated_at": timeZ(m.updated), "version": m.version,
	}
	if m.custom != "" {
		o["custom_inventory_adjustment_reason_id"] = m.custom
	}
	return o
}

func createAdjustments(a *Account, x *exchange) (reply, error) {
	var body struct {
		StockAdjustments []Adjustment `json:"stock_adjustments"`
	}
	if err := x.decode(&body); err != nil {
		return reply{}, err
	}
	made, err := a.adjust(body.StockAdjustments)
	if err != nil {
		return reply{}, err // unprocessable
	}
	shown := make([]any, len(made))
	for i, m := range made {
		shown[i] = showAdjustment(m)
	}
	return replyJSON(http.StatusCreated, object{"data": shown}), nil
}
