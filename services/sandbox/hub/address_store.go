package hub

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// The history of an address is changed under an advisory lock of the address, so that concurrent changes leave neither gaps nor
// overlaps.

func lockAddress(ctx context.Context, tx *pg.Tx, platformID, eaddr string) error {
	return pg.LockTx(ctx, tx, "sandbox_hub/address/"+platformID+"/"+fold(eaddr))
}

const lastPeriodSQL = `
	select valid_until
	  from address
	 where platform_id = $1 and eaddr_folded = $2 and recorded_until is null
	 order by valid_from desc, address_id desc
	 limit 1`

const insertAddressSQL = `
	insert into address (platform_id, eaddr, eaddr_folded, idn, owner_type, name, birth_date, phone,
	                     registered_at, valid_from, recorded_from)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)`

// storeAddress begins an address. A withdrawn address may begin again, with any owner, from the time of its withdrawal.
func (s *System) storeAddress(ctx context.Context, o owner, docs []document) error {
	return pg.InTx(ctx, s.DB, func(tx *pg.Tx) error {
		if err := lockAddress(ctx, tx, o.platformID, o.eaddr); err != nil {
			return err
		}
		var until *time.Time
		known, err := pg.Scan(ctx, tx, "find last period of address", []any{&until}, lastPeriodSQL, o.platformID, fold(o.eaddr))
		switch {
		case err != nil:
			return err
		case !known:
		case until == nil:
			return errAddressExists
		case o.at.Before(*until):
			return errAddressTime
		}
		if err := pg.Exec(ctx, tx, "store address", insertAddressSQL, o.platformID, o.eaddr, fold(o.eaddr), o.idn, o.ownerType, o.name,
			o.birthDate, o.phone, o.at, s.Clock.Now()); err != nil {
			return err
		}
		return s.storeDocuments(ctx, tx, o.platformID, o.eaddr, docs)
	})
}

// openPeriod is the period of an address without an end.
type openPeriod struct {
	id        int64
	validFrom time.Time
	name      string
	ownerType int
}

const findOpenSQL = `
	select address_id, valid_from, name, owner_type
	  from address
	 where platform_id = $1 and eaddr_folded = $2 and valid_until is null and recorded_until is null`

func lockOpen(ctx context.Context, tx *pg.Tx, platformID, eaddr string) (p openPeriod, err error) {
	if err := lockAddress(ctx, tx, platformID, eaddr); err != nil {
		return p, err
	}
	known, err := pg.Scan(ctx, tx, "find open period of address", []any{&p.id, &p.validFrom, &p.name, &p.ownerType}, findOpenSQL, platformID, fold(eaddr))
	if err == nil && !known {
		err = errAddressUnknown
	}
	return p, err
}

const supersedeSQL = `
	update address
	   set recorded_until = $2
	 where address_id = $1`

const endPeriodSQL = `
	insert into address (platform_id, eaddr, eaddr_folded, idn, owner_type, name, birth_date, phone,
	                     registered_at, valid_from, valid_until, ended_by, recorded_from)
	select platform_id, eaddr, eaddr_folded, idn, owner_type, name, birth_date, phone,
	       registered_at, valid_from, $2, $3, $4
	  from address
	 where address_id = $1`

const beginPeriodSQL = `
	insert into address (platform_id, eaddr, eaddr_folded, idn, owner_type, name, birth_date, phone,
	                     registered_at, valid_from, recorded_from)
	select platform_id, eaddr, eaddr_folded, idn, $2, $3, birth_date, phone, registered_at, $4, $5
	  from address
	 where address_id = $1`

// endAddress withdraws an address at the given time.
func (s *System) endAddress(ctx context.Context, platformID, eaddr string, at time.Time) error {
	return pg.InTx(ctx, s.DB, func(tx *pg.Tx) error {
		open, err := lockOpen(ctx, tx, platformID, eaddr)
		if err != nil {
			return err
		}
		if at.Before(open.validFrom) {
			return errAddressTime
		}
		now := s.Clock.Now()
		tx.Later("end address", supersedeSQL, open.id, now)
		tx.Later("end address", endPeriodSQL, open.id, at, "withdrawal", now)
		return nil
	})
}

// changeAddress gives an address another name or type from the given time.
func (s *System) changeAddress(ctx context.Context, platformID string, req ownerChange, at time.Time, docs []document, person bool) error {
	return pg.InTx(ctx, s.DB, func(tx *pg.Tx) error {
		open, err := lockOpen(ctx, tx, platformID, req.Eaddr)
		if err != nil {
			return err
		}
		newType := open.ownerType
		if req.Type != nil {
			newType = *req.Type
		}
		switch {
		case (open.ownerType == ownerPerson) != person:
			return badForm("type")
		case !person && req.Name != open.name && len(docs) == 0:
			return badForm("file")
		case at.Before(open.validFrom):
			return errAddressTime
		}
		now := s.Clock.Now()
		tx.Later("change address", supersedeSQL, open.id, now)
		tx.Later("change address", endPeriodSQL, open.id, at, "change", now)
		tx.Later("change address", beginPeriodSQL, open.id, newType, req.Name, at, now)
		return s.storeDocuments(ctx, tx, platformID, req.Eaddr, docs)
	})
}

const insertDocumentSQL = `
	insert into address_document (platform_id, eaddr_folded, file_name, digest, size, received_at)
	values ($1, $2, $3, $4, $5, $6)`

// storeDocuments records name, digest and size of the received documents, not the pictures.
func (s *System) storeDocuments(ctx context.Context, tx *pg.Tx, platformID, eaddr string, docs []document) error {
	for _, d := range docs {
		if err := pg.Exec(ctx, tx, "store address document", insertDocumentSQL, platformID, fold(eaddr), d.fileName, d.digest, d.size, s.Clock.Now()); err != nil {
			return err
		}
	}
	return nil
}

// namedAddress is an open address with its owner's name.
type namedAddress struct {
	Eaddr string
	Name  string
}

// recorded restricts rows to those that the hub had recorded, and not superseded, at the time $1.
const recorded = `recorded_from <= $1 and (recorded_until is null or recorded_until > $1)`

const findByIdnSQL = `
	select eaddr, name
	  from address
	 where platform_id = $2 and idn = $3 and valid_until is null and ` + recorded + `
	 order by registered_at, address_id`

func findByIdn(ctx context.Context, db pg.DBTX, platformID, idn string, known time.Time) ([]namedAddress, error) {
	return pg.All(ctx, db, "find addresses", pgx.RowToStructByPos[namedAddress], findByIdnSQL, known, platformID, idn)
}

const findWithdrawnSQL = `
	select eaddr
	  from address
	 where platform_id = $2 and idn = $3 and ended_by = 'withdrawal' and ` + recorded + `
	 order by valid_until, address_id`

func findWithdrawn(ctx context.Context, db pg.DBTX, platformID, idn string, known time.Time) ([]string, error) {
	return pg.All(ctx, db, "find withdrawn addresses", pgx.RowTo[string], findWithdrawnSQL, known, platformID, idn)
}

const findOwnerSQL = `
	select name, owner_type, registered_at
	  from address
	 where platform_id = $2 and eaddr_folded = $3 and valid_until is null and ` + recorded

func findOwner(ctx context.Context, db pg.DBTX, platformID, eaddr string, known time.Time) (owner, error) {
	var o owner
	found, err := pg.Scan(ctx, db, "find owner of address", []any{&o.name, &o.ownerType, &o.at}, findOwnerSQL, known, platformID, fold(eaddr))
	if err == nil && !found {
		err = errAddressUnknown
	}
	return o, err
}

const searchByIdnSQL = `
	select platform_id, eaddr
	  from address
	 where idn = $2 and valid_until is null and ` + recorded + `
	 order by registered_at, address_id`

func searchByIdn(ctx context.Context, db pg.DBTX, idn string, known time.Time) ([]PlatformAddress, error) {
	return pg.All(ctx, db, "search addresses", pgx.RowToStructByPos[PlatformAddress], searchByIdnSQL, known, idn)
}

const searchByPersonSQL = `
	select platform_id, eaddr
	  from address
	 where name = $2 and birth_date = $3 and phone = $4 and owner_type = 0
	   and valid_until is null and ` + recorded + `
	 order by registered_at, address_id`

func searchByPerson(ctx context.Context, db pg.DBTX, name, birthDate, phone string, known time.Time) ([]PlatformAddress, error) {
	return pg.All(ctx, db, "search addresses", pgx.RowToStructByPos[PlatformAddress], searchByPersonSQL, known, name, birthDate, phone)
}
