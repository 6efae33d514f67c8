// Package mtls makes the certificates by which a host and the plugin that it started
// know each other. They live as long as the plugin's process. It is what go-plugin
// calls AutoMTLS, on P-256: on P-521, go-plugin's choice, making and checking the
// certificates takes more time than all the rest of starting a plugin.
package mtls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"time"
)

// ClientCertEnv is the environment variable with the host's certificate, in PEM.
const ClientCertEnv = "PLUGIN_CLIENT_CERT"

// serverName is what go-plugin's certificates are for.
const serverName = "localhost"

// Host returns the host's configuration and its certificate in PEM. The plugin's
// certificate comes in the handshake line; go-plugin makes it the only root.
func Host() (*tls.Config, []byte, error) {
	own, err := ephemeral()
	if err != nil {
		return nil, nil, err
	}
	return &tls.Config{
			Certificates: []tls.Certificate{own},
			RootCAs:      x509.NewCertPool(), // nobody, until the handshake line
			MinVersion:   tls.VersionTLS12,
			ServerName:   serverName,
		},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}), nil
}

// Plugin returns the configuration of a plugin that talks to nobody but the host
// whose certificate this is, in PEM, and its own certificate in DER.
func Plugin(host []byte) (*tls.Config, []byte, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(host) {
		return nil, nil, errors.New(ClientCertEnv + " holds no certificate")
	}
	own, err := ephemeral()
	if err != nil {
		return nil, nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
		MinVersion:   tls.VersionTLS12,
	}, own.Certificate[0], nil
}

// ephemeral is a self-signed certificate for both ends, with a key of its own.
func ephemeral() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: serverName},
		DNSNames:              []string{serverName},
		NotBefore:             time.Now().Add(-time.Minute),
		NotAfter:              time.Now().AddDate(30, 0, 0), // a tunnel may stay up for long
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
