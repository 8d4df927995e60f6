package address

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

const (
	applicationWaiting   = addressv1.ApplicationState_APPLICATION_STATE_WAITING
	applicationConfirmed = addressv1.ApplicationState_APPLICATION_STATE_CONFIRMED
	applicationRefused   = addressv1.ApplicationState_APPLICATION_STATE_REFUSED
)

// maxWaiting bounds a person's applications that wait for an operator: each keeps two papers.
const maxWaiting = 3

// apply keeps what a person asks for an organisation. A repeated request changes nothing and returns the application as it is.
func (s *service) apply(ctx context.Context, who caller, r *addressv1.ApplyForOrganisationRequest) (application, error) {
	asked := r.GetApplication()
	a := application{
		id: id.New(), person: who.recipient, requestID: r.GetRequestId(), kind: int16(asked.GetType()), terms: asked.GetTermsVersion(), session: who.session, //nolint:gosec // one of six
		state: applicationWaiting, digest: digestOfRequest([]byte(asked.GetName()), []byte(asked.GetBusinessNumber()), binary.BigEndian.AppendUint32(nil, uint32(asked.GetType())), //nolint:gosec // one of six
			[]byte(asked.GetTermsVersion()), r.GetBusinessDocument(), r.GetRegistrationDocument()),
	}
	if before, known, err := s.askedBefore(ctx, a); known || err != nil {
		return before, err
	}
	var err error
	if a.business, err = s.matcher.business(ctx, asked.GetBusinessNumber()); err != nil {
		return application{}, err
	}
	if a.sealed, err = s.sealCompany(ctx, a.id, company{Name: asked.GetName(), BusinessNumber: asked.GetBusinessNumber()}); err != nil {
		return application{}, err
	}
	kept, err := s.sealPapers(ctx, a.submitted(), r.GetBusinessDocument(), r.GetRegistrationDocument())
	if err != nil {
		return application{}, err
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		// Two requests of one person wait for each other, so that the bound holds.
		if _, known, err := lockIdentity(ctx, tx, a.person); err != nil || !known {
			return errors.Join(err, missing(known, "identity of a session"))
		}
		waiting, err := countWaiting(ctx, tx, a.person)
		switch {
		case err != nil:
			return err
		case waiting >= maxWaiting:
			return errTooManyApplications()
		}
		a.askedAt = s.clock.Now()
		if err := insertApplication(ctx, tx, a); err != nil {
			return err
		}
		if err := keepPapers(ctx, tx, a.id, kept); err != nil {
			return err
		}
		return recordOrganisationAsked(ctx, tx, a, digestOf(r.GetBusinessDocument()), digestOf(r.GetRegistrationDocument()))
	})
	if errors.Is(err, fault.Reused) {
		// The same request came first while this one was prepared.
		before, _, lookErr := s.askedBefore(ctx, a)
		return before, lookErr
	}
	if err != nil {
		return application{}, fmt.Errorf("apply for an organisation: %w", err)
	}
	return a, nil
}

// askedBefore finds the application of a repeated request; another content under its id is a fault.
func (s *service) askedBefore(ctx context.Context, a application) (application, bool, error) {
	before, known, err := applicationOf(ctx, s.db, a.person, a.requestID)
	if known && !bytes.Equal(before.digest, a.digest) {
		return application{}, false, errRequestIDReused()
	}
	return before, known, err
}

// confirm makes the applicant a representative and the organisation a member, if it is none yet.
func (s *service) confirm(ctx context.Context, applicationID uuid.UUID, operator string) (application, error) {
	grant, err := s.prepareRepresentative(ctx, applicationID, operator)
	if err != nil {
		return application{}, err
	}
	var a application
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		var err error
		if a, err = lockWaiting(ctx, tx, applicationID); err != nil || a.state == applicationConfirmed {
			return err
		}
		if a.state == applicationRefused {
			return errApplicationRefused()
		}
		now := s.clock.Now()
		o, err := organisationOf(ctx, tx, a, now)
		if err != nil {
			return err
		}
		if err := s.joins(ctx, tx, o, a, now); err != nil {
			return err
		}
		if err := makeRepresentative(ctx, tx, o, grant, now); err != nil {
			return err
		}
		a.state, a.organisation = applicationConfirmed, o.recipient
		return a.decided(ctx, tx, operator, now)
	})
	if err != nil {
		return application{}, fmt.Errorf("confirm application: %w", err)
	}
	s.wakeUp()
	return a, nil
}

// lockWaiting locks an application that is to be decided.
func lockWaiting(ctx context.Context, tx *journal.Tx, applicationID uuid.UUID) (application, error) {
	a, known, err := lockApplication(ctx, tx, applicationID)
	if err == nil && !known {
		err = errApplicationNotFound()
	}
	return a, err
}

// organisationOf locks the identity of the organisation that an application is for, and makes it where there is none.
func organisationOf(ctx context.Context, tx *journal.Tx, a application, now time.Time) (identity, error) {
	// A random id (version 4): a recipient id has no meaning outside.
	if _, err := insertOrganisation(ctx, tx, identity{recipient: uuid.New(), business: a.business, application: a.id}, now); err != nil {
		return identity{}, err
	}
	o, known, err := lockOrganisation(ctx, tx, a.business)
	return o, errors.Join(err, missing(known || err != nil, "identity of an organisation"))
}

// joins makes the organisation a member with a new address by this application. If it has joined and the hub has not refused its
// address, nothing changes, and nobody needs the application's papers any more.
func (s *service) joins(ctx context.Context, tx *journal.Tx, o identity, a application, now time.Time) error {
	m, had, err := readMember(ctx, tx, o.recipient)
	if err != nil {
		return err
	}
	if had && m.state != memberWithdrawn {
		r, known, err := lockAddress(ctx, tx, m.address)
		if err != nil {
			return err
		}
		if known && r.state != addressRefused {
			return dropPapers(ctx, tx, a.id)
		}
		if err := s.endAddress(ctx, tx, m, caller{recipient: o.recipient, person: a.person, session: a.session}, now); err != nil {
			return err
		}
	}
	if o.application != a.id {
		if err := dropPapers(ctx, tx, o.application); err != nil {
			return err
		}
		o.version, o.application = o.version+1, a.id
		if err := updateOrganisation(ctx, tx, o, now); err != nil {
			return err
		}
	}
	return s.begins(ctx, tx, caller{recipient: o.recipient, person: a.person, session: a.session}, a.terms, &m, a.askedAt)
}

// decided writes and states what the operator decided.
func (a *application) decided(ctx context.Context, tx *journal.Tx, operator string, now time.Time) error {
	a.decidedAt, a.decidedBy = &now, operator
	if err := decideApplication(ctx, tx, *a); err != nil {
		return err
	}
	return recordOrganisationAnswered(ctx, tx, *a)
}

// refuseApplication refuses an application; who has been refused may ask again.
func (s *service) refuseApplication(ctx context.Context, applicationID uuid.UUID, reason, operator string) (application, error) {
	var a application
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		var err error
		if a, err = lockWaiting(ctx, tx, applicationID); err != nil || a.state == applicationRefused {
			return err
		}
		if a.state == applicationConfirmed {
			return errApplicationConfirmed()
		}
		if err := dropPapers(ctx, tx, a.id); err != nil {
			return err
		}
		a.state, a.reason = applicationRefused, reason
		return a.decided(ctx, tx, operator, s.clock.Now())
	})
	if err != nil {
		return application{}, fmt.Errorf("refuse application: %w", err)
	}
	return a, nil
}
