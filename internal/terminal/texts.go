package terminal

import (
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/stats"
)

// Language is one of those that the terminal speaks.
type Language uint8

// The languages.
const (
	English Language = iota
	PortugueseBrazil
	languages // how many there are
)

// LanguageFrom returns the language that the environment asks for, by POSIX's order
// LC_ALL, LC_MESSAGES, LANG. getenv is os.Getenv or the like.
func LanguageFrom(getenv func(string) string) Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			if strings.HasPrefix(strings.ToLower(value), "pt") {
				return PortugueseBrazil
			}
			return English
		}
	}
	return English
}

// text names one visible text.
type text uint8

// The visible texts. A verb such as %s stands for what its comment says.
const (
	txAllTraffic text = iota
	txRunning
	txPaused
	txNew // number of packets since the pause
	txEnded
	txArchive
	txNoArchive
	txPackets
	txBytes
	txDropped
	txNone
	txByKernel   // number, percentage
	txNow        // rate
	txNotWritten // number
	txProtocol
	txShare
	txRate
	txNotIP
	txOthers
	txSources
	txDestinations
	txApproximate
	txOf // number
	txLedger
	txReceived
	txDelivered
	txDroppedLedger
	txSkipped
	txWritten
	txLost
	txBalanced
	txUnbalanced
	txLimits
	txOutputs
	txOK
	txCatching
	txRetrying
	txStopped
	txRows
	txBehind
	txTarget
	txExpired // number
	txApplied
	txBehindLedger
	txExpiredLedger
	txNoInterface
	txInterfaceDown
	txInterfaceGone
	txNewest
	txWaiting
	txNumber
	txTime
	txSource
	txDestination
	txLength
	txFlags
	txContents
	txKeyQuit
	txKeyPause
	txKeyResume
	txKeyPackets
	txKeyStatistics
	txKeyHelp
	txKeyChoose
	txKeyBack
	txFollowing
	txHistory // number of newer packets
	txOlderGone
	txSent
	txReceivedDir
	txUnknownDir
	txSequence
	txAck
	txWindow
	txPayload
	txCaptured // number of bytes
	txHelpKeys
	txHelpQuit
	txHelpPause
	txHelpTab
	txHelpScroll
	txHelpPage
	txHelpEnds
	txHelpHelp
	txHelpSigns
	txHelpSent
	txHelpReceived
	txHelpFlags
	txHelpInside
	txHelpDropped
	txHelpLedger
	txHelpApproximate
	txTooSmall
	txWhich
	txName
	txState
	txAddresses
	txUp
	txDown
	txPrompt        // the default's number and name
	txPromptBare    // without default
	txBadChoice     // what was typed
	txNoItems       //
	txTooManyTries  //
	txNoAnswer      //
	txLogDropped    // number
	txLogNotWritten // number
	txLogBehind     // number
	texts           // how many there are
)

// catalogue holds every text: a key that does not change, and one text a language.
var catalogue = [texts]struct {
	key string
	in  [languages]string
}{
	txAllTraffic:      {"capture.all", [...]string{"all traffic", "todo o tráfego"}},
	txRunning:         {"capture.running", [...]string{"capturing", "capturando"}},
	txPaused:          {"view.paused", [...]string{"VIEW PAUSED", "TELA PAUSADA"}},
	txNew:             {"view.new", [...]string{"+%s new", "+%s novos"}},
	txEnded:           {"capture.ended", [...]string{"ended", "encerrada"}},
	txArchive:         {"archive", [...]string{"Archive", "Arquivo"}},
	txNoArchive:       {"archive.none", [...]string{"none: packets are not kept", "nenhum: os pacotes não são guardados"}},
	txPackets:         {"packets", [...]string{"Packets", "Pacotes"}},
	txBytes:           {"bytes", [...]string{"Bytes", "Bytes"}},
	txDropped:         {"dropped", [...]string{"Dropped", "Perdidos"}},
	txNone:            {"none", [...]string{"none", "nenhum"}},
	txByKernel:        {"dropped.kernel", [...]string{"%s DROPPED by the kernel (%s)", "%s PERDIDOS pelo kernel (%s)"}},
	txNow:             {"dropped.now", [...]string{"%s now", "%s agora"}},
	txNotWritten:      {"dropped.unwritten", [...]string{"%s NOT WRITTEN to disk", "%s NÃO GRAVADOS em disco"}},
	txProtocol:        {"protocol", [...]string{"Protocol", "Protocolo"}},
	txShare:           {"share", [...]string{"Share", "Parte"}},
	txRate:            {"rate", [...]string{"Rate", "Taxa"}},
	txNotIP:           {"protocol.nonip", [...]string{"not IP", "não IP"}},
	txOthers:          {"protocol.others", [...]string{"others", "outros"}},
	txSources:         {"top.sources", [...]string{"Top sources", "Maiores origens"}},
	txDestinations:    {"top.destinations", [...]string{"Top destinations", "Maiores destinos"}},
	txApproximate:     {"top.approximate", [...]string{"approximate", "aproximado"}},
	txOf:              {"top.of", [...]string{"of %s", "de %s"}},
	txLedger:          {"ledger", [...]string{"Ledger", "Balanço"}},
	txReceived:        {"ledger.received", [...]string{"received", "recebidos"}},
	txDelivered:       {"ledger.delivered", [...]string{"delivered", "entregues"}},
	txDroppedLedger:   {"ledger.dropped", [...]string{"dropped", "perdidos"}},
	txSkipped:         {"ledger.skipped", [...]string{"skipped", "pulados"}},
	txWritten:         {"ledger.written", [...]string{"written", "gravados"}},
	txLost:            {"ledger.lost", [...]string{"lost", "não gravados"}},
	txBalanced:        {"ledger.balanced", [...]string{"balanced: every packet is in exactly one place", "confere: cada pacote está em exatamente um lugar"}},
	txLimits:          {"ledger.limits", [...]string{"limits reached (docs/limits.md)", "limites atingidos (docs/limits.md)"}},
	txUnbalanced:      {"ledger.unbalanced", [...]string{"DOES NOT BALANCE", "NÃO CONFERE"}},
	txOutputs:         {"sinks", [...]string{"Outputs", "Saídas"}},
	txOK:              {"sink.ok", [...]string{"ok", "ok"}},
	txCatching:        {"sink.catching", [...]string{"catching up", "recuperando"}},
	txRetrying:        {"sink.retrying", [...]string{"retrying", "tentando"}},
	txStopped:         {"sink.stopped", [...]string{"stopped", "parada"}},
	txRows:            {"sink.rows", [...]string{"Rows", "Linhas"}},
	txBehind:          {"sink.behind", [...]string{"Behind", "Atraso"}},
	txTarget:          {"sink.target", [...]string{"Target or last error", "Destino ou último erro"}},
	txApplied:         {"ledger.applied", [...]string{"applied", "aplicados"}},
	txBehindLedger:    {"ledger.behind", [...]string{"behind", "pendentes"}},
	txExpiredLedger:   {"ledger.expired", [...]string{"expired", "expirados"}},
	txExpired:         {"sink.expired", [...]string{"%s EXPIRED", "%s EXPIRADOS"}},
	txNoInterface:     {"state.nointerface", [...]string{"no interface", "sem interface"}},
	txInterfaceDown:   {"interface.down", [...]string{"down", "inativa"}},
	txInterfaceGone:   {"interface.gone", [...]string{"gone", "removida"}},
	txNewest:          {"packets.newest", [...]string{"Newest packets", "Pacotes mais novos"}},
	txWaiting:         {"packets.waiting", [...]string{"No packets yet. They appear here as soon as one passes.", "Nenhum pacote ainda. Eles aparecem aqui assim que passarem."}},
	txNumber:          {"column.number", [...]string{"No.", "Nº"}},
	txTime:            {"column.time", [...]string{"Time", "Hora"}},
	txSource:          {"column.source", [...]string{"Source", "Origem"}},
	txDestination:     {"column.destination", [...]string{"Destination", "Destino"}},
	txLength:          {"column.length", [...]string{"Size", "Tam."}},
	txFlags:           {"column.flags", [...]string{"Flg", "Flg"}},
	txContents:        {"column.contents", [...]string{"Contents", "Conteúdo"}},
	txKeyQuit:         {"key.quit", [...]string{"quit", "sair"}},
	txKeyPause:        {"key.pause", [...]string{"pause", "pausar"}},
	txKeyResume:       {"key.resume", [...]string{"resume", "continuar"}},
	txKeyPackets:      {"key.packets", [...]string{"packets", "pacotes"}},
	txKeyStatistics:   {"key.statistics", [...]string{"statistics", "estatísticas"}},
	txKeyHelp:         {"key.help", [...]string{"help", "ajuda"}},
	txKeyChoose:       {"key.choose", [...]string{"choose", "escolher"}},
	txKeyBack:         {"key.back", [...]string{"back", "voltar"}},
	txFollowing:       {"packets.following", [...]string{"following the newest", "seguindo os mais novos"}},
	txHistory:         {"packets.history", [...]string{"%s newer below", "%s mais novos abaixo"}},
	txOlderGone:       {"packets.gone", [...]string{"older packets are in the archive", "os mais antigos estão no arquivo"}},
	txSent:            {"direction.sent", [...]string{"sent", "enviado"}},
	txReceivedDir:     {"direction.received", [...]string{"received", "recebido"}},
	txUnknownDir:      {"direction.unknown", [...]string{"direction unknown", "direção desconhecida"}},
	txSequence:        {"packet.seq", [...]string{"seq", "seq"}},
	txAck:             {"packet.ack", [...]string{"ack", "ack"}},
	txWindow:          {"packet.window", [...]string{"window", "janela"}},
	txPayload:         {"packet.payload", [...]string{"payload", "dados"}},
	txCaptured:        {"packet.captured", [...]string{"%s captured", "%s capturados"}},
	txHelpKeys:        {"help.keys", [...]string{"Keys", "Teclas"}},
	txHelpQuit:        {"help.quit", [...]string{"end the capture, write everything, print the statistics", "encerra a captura, grava tudo, imprime as estatísticas"}},
	txHelpPause:       {"help.pause", [...]string{"hold the picture; the capture goes on", "congela a tela; a captura continua"}},
	txHelpTab:         {"help.tab", [...]string{"switch between statistics and packets", "alterna entre estatísticas e pacotes"}},
	txHelpScroll:      {"help.scroll", [...]string{"choose a packet (leaves the newest)", "escolhe um pacote (deixa de seguir os mais novos)"}},
	txHelpPage:        {"help.page", [...]string{"a page up or down", "uma página acima ou abaixo"}},
	txHelpEnds:        {"help.ends", [...]string{"oldest packet held; newest, and follow again", "mais antigo guardado; mais novo, e volta a seguir"}},
	txHelpHelp:        {"help.help", [...]string{"this page", "esta página"}},
	txHelpSigns:       {"help.signs", [...]string{"Signs", "Sinais"}},
	txHelpSent:        {"help.sent", [...]string{"sent by this machine", "enviado por esta máquina"}},
	txHelpReceived:    {"help.received", [...]string{"received; · means that the direction is not known", "recebido; · indica direção desconhecida"}},
	txHelpFlags:       {"help.flags", [...]string{"TCP flags: SYN ACK PSH FIN RST URG ECE CWR", "flags TCP: SYN ACK PSH FIN RST URG ECE CWR"}},
	txHelpInside:      {"help.inside", [...]string{"what a tunnel carries inside", "o que um túnel leva dentro"}},
	txHelpDropped:     {"help.dropped", [...]string{"the kernel had no room: raise -B or narrow the filter", "faltou espaço no kernel: aumente -B ou restrinja o filtro"}},
	txHelpLedger:      {"help.ledger", [...]string{"every packet is in exactly one place", "cada pacote está em exatamente um lugar"}},
	txHelpApproximate: {"help.approximate", [...]string{"more than a million addresses: estimates, the top exact", "mais de um milhão de endereços: estimativas, topo exato"}},
	txTooSmall:        {"view.small", [...]string{"the window is too small", "a janela é pequena demais"}},
	txWhich:           {"choose.which", [...]string{"Which interface is to be captured?", "Qual interface capturar?"}},
	txName:            {"choose.name", [...]string{"Name", "Nome"}},
	txState:           {"choose.state", [...]string{"State", "Estado"}},
	txAddresses:       {"choose.addresses", [...]string{"Addresses", "Endereços"}},
	txUp:              {"choose.up", [...]string{"up", "ativa"}},
	txDown:            {"choose.down", [...]string{"down", "inativa"}},
	txPrompt:          {"choose.prompt", [...]string{"Number or name [%s = %s]: ", "Número ou nome [%s = %s]: "}},
	txPromptBare:      {"choose.prompt.bare", [...]string{"Number or name: ", "Número ou nome: "}},
	txBadChoice:       {"choose.bad", [...]string{"There is no %q in the list.", "Não há %q na lista."}},
	txNoItems:         {"choose.none", [...]string{"there is no interface to capture from", "não há interface para capturar"}},
	txTooManyTries:    {"choose.tries", [...]string{"no interface was chosen in three tries", "nenhuma interface foi escolhida em três tentativas"}},
	txNoAnswer:        {"choose.noanswer", [...]string{"no interface was chosen", "nenhuma interface foi escolhida"}},
	txLogDropped:      {"log.dropped", [...]string{"DROPPED %s", "PERDIDOS %s"}},
	txLogNotWritten:   {"log.unwritten", [...]string{"NOT WRITTEN %s", "NÃO GRAVADOS %s"}},
	txLogBehind:       {"log.behind", [...]string{"behind by %s", "atrasada em %s"}},
}

func (l Language) text(t text) string { return catalogue[t].in[l] }

// Words returns what the statistics table says in a language.
func Words(l Language) *stats.Words {
	if l != PortugueseBrazil {
		return &stats.English
	}
	return &stats.Words{
		Packets: "pacotes", Bytes: "bytes", Share: "parte",
		Total: "Total", All: "todos os pacotes", First: "Primeiro", Last: "Último",
		Protocol: "Protocolo", NonIP: "não IP", Others: "outros",
		Sources: "Maiores origens", Destinations: "Maiores destinos",
		Of: "de", Approximate: "(aproximado)", Decoding: "Decodificação",
		Group: ".", Decimal: ",", None: "nenhum",
		Outcomes: [packet.OutcomeCount]string{
			"com portas", "IP", "fragmentos", "não IP", "cortados", "malformados", "profundos demais", "tipo de enlace desconhecido",
		},
		DateTime: "02/01/2006 15:04:05",
	}
}
