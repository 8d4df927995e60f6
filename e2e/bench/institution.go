package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

const (
	// tokenAge is how long an access token is used; it is valid for 15 minutes.
	tokenAge = 8 * time.Minute
	pollSeed = 50 * time.Millisecond
)

// client is an OAuth2 client of the relay. It renews its token in time.
type client struct {
	stack *stack
	conn  *grpc.ClientConn

	id, secret string
	mu         sync.Mutex
	token      string
	until      time.Time
}

// clientOf reads a file of credentials.
func (s *stack) clientOf(conn *grpc.ClientConn, file string) (*client, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	var c struct{ ClientID, ClientSecret string }
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, errors.New("credentials cannot be read")
	}
	return &client{stack: s, conn: conn, id: c.ClientID, secret: c.ClientSecret}, nil
}

func (c *client) bearer(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.stack.clock.Now()
	if now.Before(c.until) {
		return c.token, nil
	}
	token, err := gatewayv1.NewTokenServiceClient(c.conn).IssueToken(ctx, &gatewayv1.IssueTokenRequest{ClientId: c.id, ClientSecret: c.secret})
	if err != nil {
		return "", fmt.Errorf("get token: %w", err)
	}
	c.token, c.until = token.GetAccessToken(), now.Add(tokenAge)
	return c.token, nil
}

// as returns a context whose calls carry the client's token.
func (c *client) as(ctx context.Context) (context.Context, error) {
	token, err := c.bearer(ctx)
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), err
}

// institution is a sender with a viewing system.
type institution struct {
	*client
	viewingSystem string
}

// demo returns the institution that was seeded at the start.
func (s *stack) demo(conn *grpc.ClientConn) (*institution, error) {
	c, err := s.clientOf(conn, s.Demo.Institution)
	if err != nil {
		return nil, err
	}
	system, err := os.ReadFile(s.Demo.ViewingSystem)
	if err != nil {
		return nil, fmt.Errorf("read the viewing system: %w", err)
	}
	return &institution{client: c, viewingSystem: strings.TrimSpace(string(system))}, nil
}

// institution creates another sender, as an operator does, and waits until the hub knows its address.
func (s *stack) institution(ctx context.Context, conn *grpc.ClientConn, name, businessNumber string) (*institution, error) {
	operator, err := s.clientOf(conn, s.AdminCredentials)
	if err != nil {
		return nil, err
	}
	admin, err := operator.as(ctx)
	if err != nil {
		return nil, err
	}
	var paper bytes.Buffer
	if err := jpeg.Encode(&paper, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		return nil, fmt.Errorf("make a paper: %w", err)
	}
	principals := gatewayv1.NewPrincipalAdminServiceClient(conn)
	made, err := principals.CreateInstitution(admin, &gatewayv1.CreateInstitutionRequest{
		Institution: &addressv1.Institution{
			Name: "시험용 " + name, BusinessNumber: businessNumber, Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, Address: name,
			ArchiveMemberships: []*addressv1.ArchiveMembership{{Archive: pki.ArchiveName, Member: ownerName}},
		},
		BusinessDocument: paper.Bytes(), RegistrationDocument: paper.Bytes(),
	})
	if err != nil {
		return nil, fmt.Errorf("make institution %s: %w", name, err)
	}
	id := made.GetInstitution().GetId()
	institutions := addressv1.NewInstitutionServiceClient(conn)
	if err := poll(ctx, pollSeed, func() (bool, error) {
		got, err := institutions.GetInstitution(admin, &addressv1.GetInstitutionRequest{Id: id})
		return got.GetInstitution().GetAddressState() == addressv1.AddressState_ADDRESS_STATE_REGISTERED, err
	}); err != nil {
		return nil, fmt.Errorf("await the address of %s: %w", name, err)
	}
	system, err := principals.CreateViewingSystem(admin, &gatewayv1.CreateViewingSystemRequest{
		ViewingSystem: &gatewayv1.ViewingSystem{Name: "시험용 열람시스템 " + name, Senders: []string{id}},
	})
	if err != nil {
		return nil, fmt.Errorf("make the viewing system of %s: %w", name, err)
	}
	c := &client{stack: s, conn: conn, id: made.GetCredentials().GetClientId(), secret: made.GetCredentials().GetClientSecret()}
	return &institution{client: c, viewingSystem: system.GetViewingSystem().GetId()}, nil
}
