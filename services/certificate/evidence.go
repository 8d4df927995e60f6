package certificate

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// leading asks every unit for what led to the certificates. While one is away, or has facts that no witness has cosigned yet, the
// bundle waits.
func (s *service) leading(ctx context.Context, j bundleJob) (l bundle.Leading, err error) {
	deposit, err := s.lookup.archive.GetDeposit(ctx, &archivev1.GetDepositRequest{EdocNum: j.edocNum})
	if err != nil {
		return l, fmt.Errorf("get the registration certificate: %w", err)
	}
	l.Registration = deposit.GetRegistrationCertificate()
	for _, unit := range s.provers {
		answer, err := unit.ProveDocument(ctx, &platformv1.ProveDocumentRequest{EdocNum: j.edocNum})
		if err != nil {
			return l, fmt.Errorf("have facts proved: %w", err)
		}
		l.Proofs = append(l.Proofs, answer.GetProof())
	}
	own, exchange, err := s.proveRequest(ctx, j)
	if err != nil {
		return l, err
	}
	exchanges, err := exchangesIn(l.Proofs)
	if err != nil {
		return l, err
	}
	l.Proofs = append(l.Proofs, own)
	for _, of := range distinct(append(exchanges, exchange)) {
		answer, err := s.hub.GetAnswer(ctx, &hubv1.GetAnswerRequest{Exchange: of, EdocNum: j.edocNum})
		if err != nil {
			return l, fmt.Errorf("get an answer of the hub: %w", err)
		}
		l.Proofs = append(l.Proofs, answer.GetProof())
		if len(answer.GetAnswer()) > 0 {
			l.Answers = append(l.Answers, answer.GetAnswer())
		}
	}
	return l, nil
}

// distinct leaves out what is empty or there before.
func distinct(ids []string) (once []string) {
	for _, id := range ids {
		if id != "" && !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	return once
}

const requestCommitsSQL = `
	select q.commit_id, a.commit_id, a.exchange
	  from certificate_request q
	  join certificate_attempt a on a.id = q.id and a.attempt = $2
	 where q.id = $1`

// proveRequest proves what this unit stated about the request for the bundle (Decree 2-5), and names the exchange that gave the
// distribution certificate.
func (s *service) proveRequest(ctx context.Context, j bundleJob) (*platformv1.LogProof, string, error) {
	var requestedBy, attemptedBy uuid.UUID
	var exchange string
	into := []any{&requestedBy, &attemptedBy, &exchange}
	if _, err := pg.Scan(ctx, s.db, fmt.Sprintf("read what was stated about request %s", j.id), into, requestCommitsSQL, j.id, j.certificateAttempt); err != nil {
		return nil, "", err
	}
	proved, err := journal.Prove(ctx, s.db, domain, j.id.String(), []uuid.UUID{requestedBy, j.acceptedBy, attemptedBy},
		&certificatev1.CertificateRequested{}, &certificatev1.CertificateAccepted{}, &certificatev1.CertificateAttempted{})
	return proved, exchange, err
}

// exchangesIn are the exchanges with the hub that circulation's facts name.
func exchangesIn(proofs []*platformv1.LogProof) (ids []string, err error) {
	for _, p := range proofs {
		for _, fact := range p.GetFacts() {
			header, err := frame.ParseHeader(fact.GetFrame())
			if err != nil {
				return nil, err
			}
			var stated interface {
				proto.Message
				GetExchange() string
			}
			switch header.Kind {
			case frame.KindOf(&circulationv1.CirculationRegistered{}):
				stated = &circulationv1.CirculationRegistered{}
			case frame.KindOf(&circulationv1.ReadTimeRegistered{}):
				stated = &circulationv1.ReadTimeRegistered{}
			default:
				continue
			}
			event := &platformv1.Event{}
			if err := proto.Unmarshal(fact.GetEvent(), event); err != nil {
				return nil, fmt.Errorf("read a fact: %w", err)
			}
			if err := proto.Unmarshal(event.GetPayload(), stated); err != nil {
				return nil, fmt.Errorf("read a fact: %w", err)
			}
			ids = append(ids, stated.GetExchange())
		}
	}
	return ids, nil
}
