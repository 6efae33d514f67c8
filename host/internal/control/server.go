package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/peercred"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const (
	maxClients     = 8
	requestTimeout = 10 * time.Second // for each line of a client, either way
)

// Server is the control socket of one running connection.
type Server struct {
	lock     *os.File
	socket   string
	listener *net.UnixListener
	done     chan struct{}
	close    sync.Once
	clients  sync.WaitGroup
}

// Listen claims the connection's name in dir (see Dir) and opens its socket. A name
// that stays taken for longer than patience is a *diag.Diagnostic of code Config; what
// a dead process left is removed. Serve must follow, Close end it.
func Listen(ctx context.Context, dir, name string, patience time.Duration) (*Server, error) {
	if !ValidName(name) {
		return nil, diag.New(diag.Config, fmt.Sprintf("%.80q is no name for a connection", name),
			"a name is 1 to 64 letters, digits, dots, hyphens and underscores")
	}
	if err := prepareDir(dir); err != nil {
		return nil, err
	}
	lock, err := claim(ctx, dir, name, patience)
	if err != nil {
		return nil, err
	}
	s := &Server{lock: lock, socket: filepath.Join(dir, name+".sock"), done: make(chan struct{})}
	if err := s.listen(); err != nil {
		s.release()
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	return s, nil
}

func (s *Server) listen() error {
	if err := os.Remove(s.socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.socket, Net: "unix"})
	if err != nil {
		return err
	}
	if err := os.Chmod(s.socket, 0o660); err != nil {
		_ = l.Close()
		return err
	}
	s.listener = l
	return nil
}

// Serve answers clients until Close. status is called for each question and act for
// each action, both from several goroutines; act must not wait for the end of the
// connection.
func (s *Server) Serve(status func() Status, act func(Action)) error {
	slots := make(chan struct{}, maxClients)
	for {
		c, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("control socket: %w", err)
		}
		select {
		case slots <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		s.clients.Go(func() {
			s.talk(c, status, act)
			<-slots
		})
	}
}

// talk answers one client. After disconnect and hangup the socket stays open, so
// that the client sees the end of the connection as the end of the stream.
func (s *Server) talk(c *net.UnixConn, status func() Status, act func(Action)) {
	defer c.Close() //nolint:errcheck // nothing was promised to the client
	if !peercred.IsUser(c, os.Geteuid()) {
		return
	}
	ended := make(chan struct{})
	defer close(ended)
	go s.closeWithServer(c, ended)
	lines := bufio.NewReaderSize(c, maxRequest)
	for {
		_ = c.SetDeadline(time.Now().Add(requestTimeout))
		line, err := readLine(lines, maxRequest)
		if err != nil {
			return
		}
		req, err := parseRequest(line)
		if err != nil {
			_ = writeLine(c, response{Error: err.Error()})
			return
		}
		if err := answer(c, req, status, act); err != nil {
			return
		}
		if req.Command == Disconnect || req.Command == Hangup {
			_ = c.SetDeadline(time.Time{})
			_, _ = lines.ReadByte()
			return
		}
	}
}

func answer(c *net.UnixConn, req request, status func() Status, act func(Action)) error {
	if req.Command == askStatus {
		st := status()
		return writeLine(c, response{Status: &st})
	}
	err := writeLine(c, response{}) // first: the connection may end at once
	act(req.Command)
	return err
}

func (s *Server) closeWithServer(c *net.UnixConn, ended <-chan struct{}) {
	select {
	case <-s.done:
		_ = c.Close()
	case <-ended:
	}
}

// Close removes the socket, lets the name go and ends Serve and its clients.
func (s *Server) Close() error {
	var err error
	s.close.Do(func() {
		close(s.done)
		err = s.listener.Close() // unlinks the socket
		s.clients.Wait()
		s.release()
	})
	return err
}

func (s *Server) release() {
	_ = os.Remove(s.lock.Name())
	_ = s.lock.Close()
}
