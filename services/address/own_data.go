package address

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// How much of each list a person is given.
const (
	shownVersions = 100
	shownChoices  = 1000
)

// GetOwnData tells what is kept of the caller itself.
func (s *membershipServer) GetOwnData(ctx context.Context, _ *addressv1.GetOwnDataRequest) (*addressv1.GetOwnDataResponse, error) {
	who, err := personCalls(ctx)
	if err != nil {
		return nil, err
	}
	versions, err := identityVersions(ctx, s.db, who.recipient, shownVersions)
	if err != nil {
		return nil, err
	}
	answer := &addressv1.GetOwnDataResponse{}
	for _, v := range versions {
		shown, err := s.provedPerson(ctx, v)
		if err != nil {
			return nil, err
		}
		answer.Persons = append(answer.Persons, shown)
	}
	choices, err := choicesOf(ctx, s.db, who.recipient, shownChoices)
	if err != nil {
		return nil, err
	}
	for _, c := range choices {
		answer.Choices = append(answer.Choices, &addressv1.Choice{
			Matter: addressv1.Matter(c.Matter), Given: c.Given, At: timestamppb.New(c.At), TermsVersion: c.Terms, Sender: c.Sender,
		})
	}
	return answer, nil
}

// provedPerson is a version as its person sees it.
func (s *service) provedPerson(ctx context.Context, v identityVersion) (*addressv1.ProvedPerson, error) {
	p, err := s.openPerson(ctx, identity{recipient: v.Recipient, version: v.Version, sealed: v.Sealed})
	unreadable, err := s.unreadable(ctx, "identity", v.Recipient.String(), err)
	return &addressv1.ProvedPerson{
		Name: p.Name, BirthDate: p.BirthDate, Phone: p.Phone, Ci: p.CI, RecordedAt: timestamppb.New(v.RecordedAt), Unreadable: unreadable,
	}, err
}
