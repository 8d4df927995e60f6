package archive

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/sealed"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

var (
	_ archivev1.DepositServiceServer       = (*service)(nil)
	_ archivev1.DepositLookupServiceServer = (*service)(nil)
)

// GetRegistrationCertificate hands out the certificate to a party of the document.
func (s *service) GetRegistrationCertificate(ctx context.Context, r *archivev1.GetRegistrationCertificateRequest) (*archivev1.GetRegistrationCertificateResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	d, err := s.find(ctx, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	party, err := s.isParty(ctx, caller, d)
	if err != nil {
		return nil, err
	}
	if !party {
		return nil, depositNotFound()
	}
	der, err := s.certificate(ctx, d)
	if err != nil {
		return nil, err
	}
	return &archivev1.GetRegistrationCertificateResponse{RegistrationCertificate: der, Digest: d.digest, RegisteredAt: timestamppb.New(d.registeredAt)}, nil
}

// isParty reports whether the caller is the sender, the agent that sent it, or the recipient once it has received the document.
// Whether it has, delivery knows; it is asked, since few recipients want the certificate.
func (s *service) isParty(ctx context.Context, caller authn.Principal, d done) (bool, error) {
	if caller.ID == d.sender || caller.Kind == platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT && caller.ID == d.facts.GetActor() {
		return true, nil
	}
	if caller.Kind != platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT || caller.ID != d.facts.GetRecipient() {
		return false, nil
	}
	received, err := s.delivery.GetReceived(ctx, &deliveryv1.GetReceivedRequest{EdocNum: d.number})
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil && received.GetFacts().GetRecipient() == caller.ID, err
}

// GetDeposit tells another unit about a deposit.
func (s *service) GetDeposit(ctx context.Context, r *archivev1.GetDepositRequest) (*archivev1.GetDepositResponse, error) {
	d, err := s.find(ctx, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	der, err := s.certificate(ctx, d)
	if err != nil {
		return nil, err
	}
	return &archivev1.GetDepositResponse{
		Archive: d.archive, ArchiveDocument: d.archiveDocument, RegistrationCertificate: der, DepositedAt: timestamppb.New(d.depositedAt), Digest: d.digest,
	}, nil
}

func (s *service) find(ctx context.Context, number string) (done, error) {
	d, known, err := findDone(ctx, s.db, number)
	if err == nil && !known {
		err = depositNotFound()
	}
	return d, err
}

func (s *service) certificate(ctx context.Context, d done) ([]byte, error) {
	pieces, err := findPieces(ctx, s.db, d.number, d.attempt)
	if err != nil {
		return nil, err
	}
	der, err := sealed.OpenPieces(ctx, s.sealed, sealedCertificate, certificateSubject(d.number, d.attempt), pieces)
	if err != nil {
		return nil, fmt.Errorf("open the registration certificate of %s: %w", d.number, err)
	}
	return der, nil
}
