package archive

import (
	"slices"
	"strings"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/text"
)

// judge reports what is wrong with a receipt, in words for an operator; empty for nothing. A certificate is good that is genuine
// and valid now, of the archive that was called, about this document and its attachments, owned by this relay for this sender,
// and whose registration was between the acceptance and now.
func (s *service) judge(r receipt, j job) (registration *archivecert.Registration, finding string) {
	now := s.clock.Now()
	registration, err := s.verifier.Registration(r.certificate, now)
	if err != nil {
		return nil, "certificate: " + namesOf(err)
	}
	skew := s.config.Certificates.Skew.Std()
	owned := slices.Contains(registration.NotCheckable, archivecert.CheckOwner) || text.Same(registration.Owner, s.config.Archive.Owner)
	var findings []string
	for _, check := range []struct {
		good bool
		name string
	}{
		{registration.Issuer == s.config.Archive.Name, "another archive's"},
		{owned, "of another depositor"},
		{registration.OnBehalfOf == "" || registration.OnBehalfOf == s.senderOf(j), "on behalf of another sender"},
		{registration.DocumentID == "" || registration.DocumentID == r.document, "about another registration"},
		{!registration.RegisteredAt.Before(j.facts.GetAcceptedAt().AsTime().Add(-skew)), "registered before the acceptance"},
		{!registration.RegisteredAt.After(now.Add(skew)), "registered in the future"},
	} {
		if !check.good {
			findings = append(findings, check.name)
		}
	}
	if _, err := registration.Covers(j.facts.GetDocumentHash().GetValue(), j.attachments()); err != nil {
		findings = append(findings, namesOf(err))
	}
	if len(findings) > 0 {
		return nil, "certificate: " + strings.Join(findings, ", ")
	}
	return registration, ""
}

// namesOf names the failed checks.
func namesOf(err error) string {
	failed := archivecert.FailedChecks(err)
	names := make([]string, len(failed))
	for i, check := range failed {
		names[i] = check.Name
	}
	return strings.Join(names, ", ")
}
