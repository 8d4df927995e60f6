package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/document"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// placeInSandbox does guide 5.1.1 ❶ and ❷: it registers the document at the sandbox's archive and stores it at the viewing
// system.
func (c *sendCommand) placeInSandbox(a *app, p *place, item *intakev1.SendItem, doc *document.Document) error {
	if len(c.Attachment) > 0 {
		return usage("--attachment needs --registration-certificate: here the document alone is registered")
	}
	place, err := c.sandbox(p)
	if err != nil {
		return err
	}
	archive, err := document.Archive(p.http, place.archiveURL, place.member)
	if err != nil {
		return err
	}
	a.progress("❶ registering %s at the archive …", doc.Path)
	registered, err := doc.Register(a.ctx, archive)
	if err != nil {
		return fmt.Errorf("register the document at the archive (5.1.1 ❶): %w", err)
	}
	door, err := rest.New(rest.Options{BaseURL: place.viewingURL, HTTP: p.http})
	if err != nil {
		return err
	}
	a.progress("❷ storing %s at the viewing system …", doc.Path)
	certificateDigest := archivecert.Digest(registered.RegistrationCertificate)
	item.Viewing.Url, err = doc.Store(a.ctx, door.WithBearer(place.secret), item.GetRecipient(), certificateDigest)
	if err != nil {
		return fmt.Errorf("store the document at the viewing system (5.1.1 ❷): %w", err)
	}
	item.Viewing.ViewingSystem, item.RegistrationCertificate = place.viewingSystem, registered.RegistrationCertificate
	a.progress("❸ sending …")
	return nil
}

// sandboxPlace says where a sandbox document is registered and stored.
type sandboxPlace struct {
	archiveURL, viewingURL string
	member                 endpoints.ArchiveMember
	secret, viewingSystem  string
}

func (c *sendCommand) sandbox(p *place) (s sandboxPlace, err error) {
	demo := p.Demo
	if demo == nil {
		demo = &endpoints.Demo{}
	}
	memberFile, secretFile := cmp.Or(c.ArchiveMember, demo.ArchiveMember), cmp.Or(c.ViewingSecret, p.Sandbox.ViewingSecret)
	s.archiveURL, s.viewingURL = cmp.Or(c.ArchiveURL, p.Sandbox.Archive), cmp.Or(c.ViewingStore, p.Sandbox.Viewing)
	switch {
	case s.archiveURL == "" || s.viewingURL == "":
		return s, usage("outside of a sandbox, give --registration-certificate, --viewing-url and --viewing-system")
	case memberFile == "":
		return s, usage("--archive-member is required: the relay was not seeded with one (narud -seed)")
	case secretFile == "":
		return s, usage("--viewing-secret is required: the endpoint file names none")
	}
	if err := endpoints.ReadJSON(memberFile, &s.member); err != nil {
		return s, fmt.Errorf("read the archive member: %w", err)
	}
	if s.secret, err = endpoints.ReadSecret(secretFile); err != nil {
		return s, fmt.Errorf("read the secret for the viewing system: %w", err)
	}
	if s.viewingSystem = c.ViewingSystem; s.viewingSystem == "" {
		if demo.ViewingSystem == "" {
			return s, usage("--viewing-system is required: the relay was not seeded with one (narud -seed)")
		}
		if s.viewingSystem, err = endpoints.ReadSecret(demo.ViewingSystem); err != nil {
			return s, fmt.Errorf("read the id of the viewing system: %w", err)
		}
	}
	return s, nil
}

// recipient builds the identifier from the one that was given.
func (c *sendCommand) recipient(p *place) (*platformv1.RecipientIdentifier, error) {
	switch {
	case c.ToCIFile != "":
		ci, err := endpoints.ReadSecret(c.ToCIFile)
		if err != nil {
			return nil, fmt.Errorf("read the recipient's CI: %w", err)
		}
		return &platformv1.RecipientIdentifier{Ci: &ci}, nil
	case c.ToPersonFile != "":
		var person struct{ Name, BirthDate, Phone string }
		if err := endpoints.ReadJSON(c.ToPersonFile, &person); err != nil {
			return nil, fmt.Errorf("read the recipient: %w", err)
		}
		return &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{
			Name: person.Name, BirthDate: person.BirthDate, Phone: person.Phone,
		}}, nil
	case c.ToBusinessNumber != "":
		number := strings.ReplaceAll(c.ToBusinessNumber, "-", "")
		return &platformv1.RecipientIdentifier{BusinessNumber: &number}, nil
	default:
		platform := cmp.Or(c.ToPlatform, p.PlatformID)
		if platform == "" {
			return nil, usage("--to-platform is required: the endpoint file names no platform")
		}
		return &platformv1.RecipientIdentifier{PlatformAddress: &platformv1.PlatformAddress{PlatformId: platform, Address: c.ToAddress}}, nil
	}
}
