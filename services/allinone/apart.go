package allinone

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/sandbox"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

const loopback = "127.0.0.1"

// writeApart writes what units in processes of their own need in addition to their settings: identities for mutual TLS, and a
// file of process settings for each (config/<unit>.platform.yaml).
func (r *Relay) writeApart(ctx context.Context, units []unit.Unit) error {
	if err := issueIdentities(r.folder, units); err != nil {
		return err
	}
	addresses, ops := map[string]string{}, map[string]string{}
	r.Endpoints.Units = map[string]string{}
	var listing strings.Builder
	for _, u := range units {
		for _, kind := range []map[string]string{addresses, ops} {
			port, err := r.ports.take(ctx, loopback)
			if err != nil {
				return err
			}
			kind[u.Name] = net.JoinHostPort(loopback, strconv.Itoa(port))
		}
		r.Endpoints.Units[u.Name] = "http://" + ops[u.Name]
		fmt.Fprintf(&listing, "    %s: %q\n", u.Name, addresses[u.Name])
	}
	files, stamps := map[string]string{}, r.timeStamps()
	for _, u := range units {
		files[u.Name+".platform.yaml"] = fmt.Sprintf(processSettings, PlatformID, r.folder.path("secrets"), r.busURL, busAdmin, r.replicas, r.folder.path("keys"), r.folder.path("checkpoints"), r.folder.path("traces"),
			stamps.Authorities[0].Name, stamps.Authorities[0].URL, stamps.Authorities[0].RootsFile, stampEvery, ops[u.Name],
			r.folder.path("tls", "authority.pem"), u.Name, addresses[u.Name], r.folder.path("tls", u.Name+".pem"), r.folder.path("tls", u.Name+".key")) + listing.String()
	}
	return r.writeSettings(ctx, files)
}

// registerPlatform registers the relay at the sandbox hub, as the dedicated agency does for a certified relay.
func (r *Relay) registerPlatform(ctx context.Context) error {
	secret, err := r.folder.secret("sandbox", "hub_client_secret")
	if err != nil {
		return err
	}
	operator, err := sandbox.Operator(r.Endpoints.Sandbox, http.DefaultClient, r.Endpoints.Sandbox.Hub)
	if err != nil {
		return err
	}
	return operator.JSON(ctx, http.MethodPost, "/sandbox/platforms", nil, map[string]string{
		"platformId": PlatformID, "clientId": hubClient, "clientSecret": secret, "name": depositorName,
	}, nil)
}

const (
	// depositor is the relay's member id at the sandbox archive, depositorName what the archive calls it.
	depositor     = "naru-relay"
	depositorName = "시험용 나루"
	// depositorSecret is the file of its password.
	depositorSecret = "archive_depositor_password"
)

// registerDepositor makes the relay a member of the sandbox archive, where it deposits what senders hand over.
func (r *Relay) registerDepositor(ctx context.Context) error {
	password, err := r.folder.secret("sandbox", depositorSecret)
	if err != nil {
		return err
	}
	operator, err := sandbox.Operator(r.Endpoints.Sandbox, http.DefaultClient, r.Endpoints.Sandbox.Archive)
	if err != nil {
		return err
	}
	if err := sandbox.AddMember(ctx, operator, sandbox.Member{MemberID: depositor, Name: depositorName, Password: password}); err != nil {
		return err
	}
	return endpoints.WriteJSON(r.Endpoints.Sandbox.Depositor, 0o600,
		endpoints.ArchiveMember{MemberID: depositor, Password: password, Archive: pki.ArchiveName, Name: depositorName})
}
