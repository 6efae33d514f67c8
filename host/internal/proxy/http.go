package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"time"
)

const (
	mostHeader = 64 << 10 // bytes of a request's header
	// idleClient is how long a connection may wait for its next request.
	idleClient = 2 * time.Minute
)

// newHTTP makes the server of HTTP. It is never looked up in: what asks for a path of ours,
// as a page in a browser may try, is told what this is.
func (s *Server) newHTTP() *http.Server {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := splitTarget(address)
			if err != nil {
				return nil, err
			}
			return s.network.Dial(ctx, host, port)
		},
		DisableCompression: true, // what is asked for is what comes
		IdleConnTimeout:    idleClient, MaxIdleConnsPerHost: 8, MaxIdleConns: 256, MaxResponseHeaderBytes: 256 << 10,
	}
	context.AfterFunc(s.ctx, transport.CloseIdleConnections)
	forward := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, BufferPool: pool{},
		Rewrite:      forwarded,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { s.refuse(w, err) },
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !s.known(r):
				w.Header().Set("Proxy-Authenticate", `Basic realm="penstock"`)
				http.Error(w, "this proxy wants a user name and a password", http.StatusProxyAuthRequired)
			case r.Method == http.MethodConnect:
				s.httpConnect(w, r)
			case r.URL.Scheme != "http" || r.URL.Host == "":
				http.Error(w, "this is a proxy: ask it to CONNECT, or for a whole http URL", http.StatusBadRequest)
			default:
				forward.ServeHTTP(w, r)
			}
		}),
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ReadHeaderTimeout: greeting, IdleTimeout: idleClient, MaxHeaderBytes: mostHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// forwarded keeps a request as it came, but for what belongs to this hop alone.
func forwarded(r *httputil.ProxyRequest) {
	r.Out.Host = r.In.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
	if _, ok := r.In.Header["User-Agent"]; !ok {
		r.Out.Header.Set("User-Agent", "") // or net/http names itself
	}
}

// known says whether a request comes from whom it may.
func (s *Server) known(r *http.Request) bool {
	if s.who == nil {
		return true
	}
	// What BasicAuth reads, under the name that it has for proxies.
	asked := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	user, password, ok := asked.BasicAuth()
	return ok && s.who.are([]byte(user), []byte(password))
}

func (s *Server) httpConnect(w http.ResponseWriter, r *http.Request) {
	host, port, err := splitTarget(r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remote, err := s.network.Dial(r.Context(), host, port)
	if err != nil {
		s.refuse(w, err)
		return
	}
	c, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = remote.Close()
		return
	}
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	_, err = c.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n"))
	if err == nil {
		_, err = remote.Write(early)
	}
	if err != nil {
		_, _ = c.Close(), remote.Close()
		return
	}
	_ = c.SetDeadline(time.Time{})
	s.relay(c, remote)
}

// refuse says why there is no answer from behind the proxy.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	s.log.Debug("the proxy could not connect: " + err.Error())
	http.Error(w, err.Error(), httpCause(err))
}

// splitTarget parts HOST:PORT.
func splitTarget(target string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(target)
	if err != nil || host == "" {
		return "", 0, fmt.Errorf("%.64q is no HOST:PORT", target)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%.64q has no port from 1 to 65535", target)
	}
	return host, uint16(n), nil
}

// pool gives ReverseProxy the chunks of relays.
type pool struct{}

// Get implements httputil.BufferPool.
func (pool) Get() []byte { return chunks.Get().(*[64 << 10]byte)[:] }

// Put implements httputil.BufferPool.
func (pool) Put(b []byte) { chunks.Put((*[64 << 10]byte)(b)) }
