package pluginpb

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestMessagesDoNotShowSecrets(t *testing.T) {
	key := []byte("ssssssss")
	sa := &Sa{Spi: 4711, Key: key, AuthKey: key}
	esp := &Esp{Sas: []*Sa{sa}}
	for _, m := range []any{
		sa, esp, &Attach{Esp: esp}, &InstallSa{Sa: sa},
		&FromPlugin{Id: 4711, Message: &FromPlugin_Attach{Attach: &Attach{Esp: esp}}},
		&FromPlugin{Id: 4711, Message: &FromPlugin_Open{Open: &Open{Kind: &Open_Dtls{Dtls: &Dtls{Secret: &Dtls_Psk{Psk: &Psk{Key: &Psk_Raw{Raw: key}}}}}}}},
		&FromPlugin{Id: 4711, Message: &FromPlugin_Open{Open: &Open{Kind: &Open_Dtls{Dtls: &Dtls{Secret: &Dtls_Resumption{Resumption: &Resumption{MasterSecret: key}}}}}}},
		&FromPlugin{Id: 4711, Message: &FromPlugin_Checkpoint{Checkpoint: &Checkpoint{Data: key}}},
		&FromHost{Id: 4711, Message: &FromHost_Exported{Exported: &Exported{Data: key}}},
		&FromHost{Id: 4711, Message: &FromHost_Resume{Resume: &Resume{Checkpoint: key}}},
		&FromHost{Id: 4711, Message: &FromHost_Answer{Answer: &Answer{Values: map[string]string{"password": string(key)}}}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			got := fmt.Sprintf(verb, m)
			if strings.Contains(got, "sss") || strings.Contains(got, "115") || strings.Contains(got, "7373") || !strings.Contains(got, "4711") {
				t.Errorf("%s of %T shows %s", verb, m, got)
			}
		}
	}
	if string(sa.Key) != "ssssssss" {
		t.Error("printing a message changed it")
	}
}

func TestSecretFieldsAreOfTheContract(t *testing.T) {
	for name := range secret {
		message, field, _ := strings.Cut(string(name[len(prefix):]), ".")
		m := File_plugin_proto.Messages().ByName(protoreflect.Name(message))
		if m == nil || m.Fields().ByName(protoreflect.Name(field)) == nil {
			t.Errorf("there is no field %s", name)
		}
	}
}
