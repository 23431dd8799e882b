package terminal

import (
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/words"
)

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
	txSuspended
	txLogSuspended
	txSuspendedFor // duration
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
	txKeyStop
	txKeyStart
	txKeyPackets
	txKeyStatistics
	txKeyHelp
	txKeyHelpLink
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
	txHelpPageLink
	txHelpKeys
	txHelpQuit
	txHelpPause
	txHelpStop
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

// keys are the texts' names in the catalogue.
var keys = [texts]string{
	txAllTraffic:      "capture.all",
	txRunning:         "capture.running",
	txPaused:          "view.paused",
	txNew:             "view.new",
	txEnded:           "capture.ended",
	txArchive:         "archive",
	txNoArchive:       "archive.none",
	txPackets:         "packets",
	txBytes:           "bytes",
	txDropped:         "dropped",
	txNone:            "none",
	txByKernel:        "dropped.kernel",
	txNow:             "dropped.now",
	txNotWritten:      "dropped.unwritten",
	txProtocol:        "protocol",
	txShare:           "share",
	txRate:            "rate",
	txNotIP:           "protocol.nonip",
	txOthers:          "protocol.others",
	txSources:         "top.sources",
	txDestinations:    "top.destinations",
	txApproximate:     "top.approximate",
	txOf:              "top.of",
	txLedger:          "ledger",
	txReceived:        "ledger.received",
	txDelivered:       "ledger.delivered",
	txDroppedLedger:   "ledger.dropped",
	txSkipped:         "ledger.skipped",
	txWritten:         "ledger.written",
	txLost:            "ledger.lost",
	txBalanced:        "ledger.balanced",
	txLimits:          "ledger.limits",
	txUnbalanced:      "ledger.unbalanced",
	txOutputs:         "sinks",
	txOK:              "sink.ok",
	txCatching:        "sink.catching",
	txRetrying:        "sink.retrying",
	txStopped:         "sink.stopped",
	txRows:            "sink.rows",
	txBehind:          "sink.behind",
	txTarget:          "sink.target",
	txApplied:         "ledger.applied",
	txBehindLedger:    "ledger.behind",
	txExpiredLedger:   "ledger.expired",
	txExpired:         "sink.expired",
	txNoInterface:     "state.nointerface",
	txInterfaceDown:   "interface.down",
	txInterfaceGone:   "interface.gone",
	txSuspended:       "capture.suspended",
	txLogSuspended:    "log.suspended",
	txSuspendedFor:    "ledger.suspended",
	txNewest:          "packets.newest",
	txWaiting:         "packets.waiting",
	txNumber:          "column.number",
	txTime:            "column.time",
	txSource:          "column.source",
	txDestination:     "column.destination",
	txLength:          "column.length",
	txFlags:           "column.flags",
	txContents:        "column.contents",
	txKeyQuit:         "key.quit",
	txKeyPause:        "key.pause",
	txKeyResume:       "key.resume",
	txKeyStop:         "key.stop",
	txKeyStart:        "key.start",
	txKeyPackets:      "key.packets",
	txKeyStatistics:   "key.statistics",
	txKeyHelp:         "key.help",
	txKeyHelpLink:     "key.helplink",
	txKeyChoose:       "key.choose",
	txKeyBack:         "key.back",
	txFollowing:       "packets.following",
	txHistory:         "packets.history",
	txOlderGone:       "packets.gone",
	txSent:            "direction.sent",
	txReceivedDir:     "direction.received",
	txUnknownDir:      "direction.unknown",
	txSequence:        "packet.seq",
	txAck:             "packet.ack",
	txWindow:          "packet.window",
	txPayload:         "packet.payload",
	txCaptured:        "packet.captured",
	txHelpPageLink:    "help.pagelink",
	txHelpKeys:        "help.keys",
	txHelpQuit:        "help.quit",
	txHelpPause:       "help.pause",
	txHelpStop:        "help.stop",
	txHelpTab:         "help.tab",
	txHelpScroll:      "help.scroll",
	txHelpPage:        "help.page",
	txHelpEnds:        "help.ends",
	txHelpHelp:        "help.help",
	txHelpSigns:       "help.signs",
	txHelpSent:        "help.sent",
	txHelpReceived:    "help.received",
	txHelpFlags:       "help.flags",
	txHelpInside:      "help.inside",
	txHelpDropped:     "help.dropped",
	txHelpLedger:      "help.ledger",
	txHelpApproximate: "help.approximate",
	txTooSmall:        "view.small",
	txWhich:           "choose.which",
	txName:            "choose.name",
	txState:           "choose.state",
	txAddresses:       "choose.addresses",
	txUp:              "choose.up",
	txDown:            "choose.down",
	txPrompt:          "choose.prompt",
	txPromptBare:      "choose.prompt.bare",
	txBadChoice:       "choose.bad",
	txNoItems:         "choose.none",
	txTooManyTries:    "choose.tries",
	txNoAnswer:        "choose.noanswer",
	txLogDropped:      "log.dropped",
	txLogNotWritten:   "log.unwritten",
	txLogBehind:       "log.behind",
}

// textIn returns a text in a language.
func textIn(l words.Language, t text) string { return words.Of(l).Terminal[keys[t]] }

// Words returns what the statistics table says in a language.
func Words(l words.Language) *stats.Words {
	if l != words.PortugueseBrazil {
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
