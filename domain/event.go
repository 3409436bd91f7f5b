package domain

import "strings"

// Type is the CloudEvents type of an event: a name and a version that never
// change once published.
type Type string

// OfPOS reports whether events of a type, known or not, belong into the POS log.
func (t Type) OfPOS() bool { return strings.HasPrefix(string(t), "pos.") }

// What happened in the POS. Full snapshots, movements and readings; see the type
// of the same name for the data.
const (
	TypeProductSaved       Type = "pos.product.saved.v1"
	TypeProductImported    Type = "pos.product.imported.v1"
	TypeProductDeleted     Type = "pos.product.deleted.v1"
	TypeItemSold           Type = "pos.item.sold.v1"
	TypeItemRefunded       Type = "pos.item.refunded.v1"
	TypeItemExchanged      Type = "pos.item.exchanged.v1"
	TypeStockCounted       Type = "pos.stock.counted.v1"
	TypeStockOrderReceived Type = "pos.stock.order_received.v1"
	TypeStockTransferred   Type = "pos.stock.transferred.v1"
	TypeStockAdjusted      Type = "pos.stock.adjusted.v1"
	TypeStockLevelReported Type = "pos.stock.level_reported.v1"
)

// What happened on our side.
const (
	TypeProductLinked   Type = "sync.product.linked.v1"
	TypeProductUnlinked Type = "sync.product.unlinked.v1"
	TypeProductCreating Type = "sync.product.creating.v1"
	TypePushConfirmed   Type = "sync.push.confirmed.v2"
	TypePushRefused     Type = "sync.push.refused.v1"
	TypePushHeld        Type = "sync.push.held.v1"
	TypePushReleased    Type = "sync.push.released.v1"
	TypePushWanted      Type = "sync.push.wanted.v1"
	TypeItemQuarantined Type = "sync.item.quarantined.v1"
	TypeItemReleased    Type = "sync.item.released.v1"
	TypeDriftFound      Type = "sync.drift.found.v1"
	TypeImageSent       Type = "sync.image.sent.v1"
	TypeProductOffered  Type = "sync.product.offered.v1"

	TypePublishingMeasured Type = "sync.publishing.measured.v1"
)

// Versions that are not written any more. A log may hold them for ever:
// [DecodeEvent] reads one as the event of the newest version.
const TypePushConfirmedV1 Type = "sync.push.confirmed.v1"

// Event is the data of one event. The types of this package are all there are.
type Event interface {
	// Type names the event's type and version.
	Type() Type
	// Subject is the id that the event is about: the item of a POS event, the
	// product of a sync event, the store of [PublishingMeasured].
	Subject() string

	// fields names every field of the data once, for decoding, encoding and the
	// schema alike.
	fields(fieldVisitor)
}

// newEvent returns an empty event of a type, or nil.
func newEvent(t Type) Event {
	switch t {
	case TypeProductSaved:
		return &ProductSaved{}
	case TypeProductImported:
		return &ProductImported{}
	case TypeProductDeleted:
		return &ProductDeleted{}
	case TypeItemSold:
		return &ItemSold{}
	case TypeItemRefunded:
		return &ItemRefunded{}
	case TypeItemExchanged:
		return &ItemExchanged{}
	case TypeStockCounted:
		return &StockCounted{}
	case TypeStockOrderReceived:
		return &StockOrderReceived{}
	case TypeStockTransferred:
		return &StockTransferred{}
	case TypeStockAdjusted:
		return &StockAdjusted{}
	case TypeStockLevelReported:
		return &StockLevelReported{}
	case TypeProductLinked:
		return &ProductLinked{}
	case TypeProductUnlinked:
		return &ProductUnlinked{}
	case TypeProductCreating:
		return &ProductCreating{}
	case TypePushConfirmed:
		return &PushConfirmed{}
	case TypePushConfirmedV1:
		return &pushConfirmedV1{}
	case TypePushRefused:
		return &PushRefused{}
	case TypePushHeld:
		return &PushHeld{}
	case TypePushReleased:
		return &PushReleased{}
	case TypePushWanted:
		return &PushWanted{}
	case TypeItemQuarantined:
		return &ItemQuarantined{}
	case TypeItemReleased:
		return &ItemReleased{}
	case TypeDriftFound:
		return &DriftFound{}
	case TypeImageSent:
		return &ImageSent{}
	case TypeProductOffered:
		return &ProductOffered{}
	case TypePublishingMeasured:
		return &PublishingMeasured{}
	}
	return nil
}

// POSTypes lists the types of the POS log, SyncTypes those of the sync log, both
// in the order of the documentation.
func POSTypes() []Type {
	return []Type{
		TypeProductSaved, TypeProductImported, TypeProductDeleted,
		TypeItemSold, TypeItemRefunded, TypeItemExchanged,
		TypeStockCounted, TypeStockOrderReceived, TypeStockTransferred, TypeStockAdjusted, TypeStockLevelReported,
	}
}

// SyncTypes lists the types of the sync log.
func SyncTypes() []Type {
	return []Type{
		TypeProductLinked, TypeProductUnlinked, TypeProductCreating, TypePushConfirmed, TypePushConfirmedV1, TypePushRefused,
		TypePushHeld, TypePushReleased, TypePushWanted, TypeItemQuarantined, TypeItemReleased, TypeDriftFound, TypeImageSent, TypeProductOffered, TypePublishingMeasured,
	}
}
