package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// States of an address registration.
const (
	stateDue     = "due"
	stateTaken   = "taken"
	stateRefused = "refused"
)

const (
	// registerTimeout bounds one try; leaseMargin is added to it for the lease, so that two replicas do not try at once.
	registerTimeout = 10 * time.Second
	leaseMargin     = 5 * time.Second
	// claimed at a time: each carries up to 4 MiB of documents.
	claimed = 4
)

// registration brings institutions to the address unit. The address unit is idempotent by principal and submission, so a try that was
// repeated does no harm, and one that comes late says nothing of a later submission.
type registration struct {
	config  RegistrationConfig
	journal *journal.Journal
	clock   clock.Clock
	log     *slog.Logger
	aead    tink.AEAD
	address addressv1.AddressServiceClient
}

func (g *registration) lease() time.Duration { return registerTimeout + leaseMargin }

// seal encrypts the documents for the time they are kept here; each is bound to its principal and its place.
func (g *registration) seal(i institution, business, registered []byte) (dueRegistration, error) {
	due := dueRegistration{institution: i}
	var err error
	if due.BusinessDocument, err = g.aead.Encrypt(business, bound(i.ID, "business")); err != nil {
		return due, fmt.Errorf("encrypt documents of %s: %w", i.ID, err)
	}
	if due.RegistrationDocument, err = g.aead.Encrypt(registered, bound(i.ID, "registration")); err != nil {
		return due, fmt.Errorf("encrypt documents of %s: %w", i.ID, err)
	}
	return due, nil
}

func bound(id uuid.UUID, place string) []byte {
	return []byte("institution_document\x00" + id.String() + "\x00" + place)
}

func (g *registration) open(due dueRegistration) (business, registered []byte, err error) {
	if business, err = g.aead.Decrypt(due.BusinessDocument, bound(due.ID, "business")); err != nil {
		return nil, nil, fmt.Errorf("decrypt documents of %s: %w", due.ID, err)
	}
	if registered, err = g.aead.Decrypt(due.RegistrationDocument, bound(due.ID, "registration")); err != nil {
		return nil, nil, fmt.Errorf("decrypt documents of %s: %w", due.ID, err)
	}
	return business, registered, nil
}

// now tries right after the institution was made or submitted again; a try that does not succeed is left to the task.
func (g *registration) now(ctx context.Context, due dueRegistration, business, registered []byte) gatewayv1.AddressState {
	state, err := g.register(ctx, due, business, registered)
	if err != nil {
		g.log.LogAttrs(ctx, slog.LevelWarn, "address registration is due again", slog.String("principal", due.ID.String()), slog.Any("error", err))
		return gatewayv1.AddressState_ADDRESS_STATE_PENDING
	}
	return state
}

// register hands one institution over and settles its row.
func (g *registration) register(ctx context.Context, due dueRegistration, business, registered []byte) (gatewayv1.AddressState, error) {
	callCtx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	answer, err := g.address.RegisterOrganisation(callCtx, &addressv1.RegisterOrganisationRequest{
		Principal: due.ID.String(), Name: due.Name, BusinessNumber: due.BusinessNumber, Type: gatewayv1.OrganisationType(due.Type), Address: due.Address,
		BusinessDocument: business, RegistrationDocument: registered, Submission: due.Submission,
	})
	state := stateTaken
	switch {
	case err != nil && fault.ReasonOf(err) == "ADDRESS_TAKEN":
		state = stateRefused
	case err != nil:
		return 0, fmt.Errorf("register address of %s: %w", due.ID, err)
	}
	at := g.clock.Now()
	err = g.journal.InTx(ctx, func(tx *journal.Tx) error {
		settled, err := settleRegistration(ctx, tx, due.institution, state, at)
		if err != nil || !settled {
			return err
		}
		return record(ctx, tx, due.ID.String(), due.Submission, unitActor, at, &gatewayv1.AddressRegistrationSettled{Taken: state == stateTaken})
	})
	if err != nil {
		return 0, err
	}
	if state == stateRefused {
		return gatewayv1.AddressState_ADDRESS_STATE_REFUSED, nil
	}
	return answer.GetState(), nil
}

// task retries what is due.
func (g *registration) task() lifecycle.Task {
	return lifecycle.Every("registration", g.config.CheckEvery.Std(), func(ctx context.Context) {
		for ctx.Err() == nil {
			n, err := g.round(ctx)
			if err != nil && ctx.Err() == nil {
				g.log.LogAttrs(ctx, slog.LevelWarn, "due address registrations were not handled", slog.Any("error", err))
			}
			if err != nil || n < claimed {
				return
			}
		}
	})
}

// round handles a handful of due registrations and tells how many there were.
func (g *registration) round(ctx context.Context) (int, error) {
	due, err := claimRegistrations(ctx, g.journal.DB(), g.config.RetryAfter.Std()+claimed*g.lease(), claimed)
	if err != nil {
		return 0, err
	}
	backoff := work.Backoff{First: g.config.RetryAfter.Std(), Max: g.config.RetryMax.Std()}
	for _, one := range due {
		business, registered, err := g.open(one)
		if err == nil {
			_, err = g.register(ctx, one, business, registered)
		}
		if err == nil {
			continue
		}
		g.log.LogAttrs(ctx, slog.LevelWarn, "address registration is due again", slog.String("principal", one.ID.String()),
			slog.Int("attempt", int(one.Attempt)), slog.Any("error", err))
		if err := postponeRegistration(context.WithoutCancel(ctx), g.journal.DB(), one, backoff.Delay(int(one.Attempt), rand.Float64())); err != nil {
			return len(due), err
		}
	}
	return len(due), nil
}

// states asks the address unit how far the institutions' addresses are; what it has not taken is pending or refused here.
func (g *registration) states(ctx context.Context, institutions ...institution) (map[uuid.UUID]gatewayv1.AddressState, error) {
	states := make(map[uuid.UUID]gatewayv1.AddressState, len(institutions))
	var ask []string
	for _, i := range institutions {
		switch i.Registration {
		case stateTaken:
			ask = append(ask, i.ID.String())
		case stateRefused:
			states[i.ID] = gatewayv1.AddressState_ADDRESS_STATE_REFUSED
		default:
			states[i.ID] = gatewayv1.AddressState_ADDRESS_STATE_PENDING
		}
	}
	if len(ask) == 0 {
		return states, nil
	}
	answer, err := g.address.GetAddressState(ctx, &addressv1.GetAddressStateRequest{Principals: ask})
	if err != nil {
		return nil, fmt.Errorf("ask for address states: %w", err)
	}
	for _, i := range institutions {
		if i.Registration == stateTaken {
			states[i.ID] = answer.GetStates()[i.ID.String()]
		}
	}
	return states, nil
}
