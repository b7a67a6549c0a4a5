import flash.Lib;
import flash.display.StageAlign;
import flash.display.StageScaleMode;
import flash.events.DataEvent;
import flash.events.Event;
import flash.events.EventDispatcher;
import flash.events.IOErrorEvent;
import flash.events.ProgressEvent;
import flash.events.SecurityErrorEvent;
import flash.external.ExternalInterface;
import flash.net.Socket;
import flash.net.XMLSocket;
import flash.utils.ByteArray;

/**
 * Asks a port for its socket policy as a Flash player does, and shows what came: once with `XMLSocket`, which hands over text when
 * its NUL has come and not before, and once with `Socket`, which shows every byte.
 *
 * Variables of the movie (`flashvars`, or the query of its URL): `host`, `port`. Whatever happens is also told to the page, if that has
 * a function `flashPolicy(socket, event, text)`. Events: `connect`, `data`, `close`, `error`; `text` is the text read by `XMLSocket`,
 * the bytes read by `Socket` in hexadecimal, or what went wrong.
 */
class Policy {
    static inline final REQUEST = "<policy-file-request/>";

    static function main() {
        final stage = Lib.current.stage;
        stage.scaleMode = StageScaleMode.NO_SCALE;
        stage.align = StageAlign.TOP_LEFT;

        final parameters = Lib.current.loaderInfo.parameters;
        final host:String = Reflect.field(parameters, "host");
        final port = Std.parseInt(Reflect.field(parameters, "port"));
        Panel.title(host == null || port == null ? "Which host and port? The movie's variables do not say" : 'Socket policy of $host:$port');
        if (host == null || port == null) return;
        askWithText(host, port, new Panel("XMLSocket", 56, 140));
        askWithBytes(host, port, new Panel("Socket", 212, 252));
    }

    /** `send` appends the NUL. */
    static function askWithText(host:String, port:Int, panel:Panel) {
        final socket = new XMLSocket();
        var read:String = null;
        listen(socket, panel, () -> socket.send(REQUEST), () -> {
            if (read == null) panel.bad("ended without a NUL: nothing is handed over");
            else if (!isPolicy(read)) panel.bad("this is no policy");
            else panel.good('${read.length} characters, then NUL and the end');
        });
        socket.addEventListener(DataEvent.DATA, (event:DataEvent) -> {
            read = event.data;
            panel.showText(read);
            panel.good('${read.length} characters and NUL');
            tell(panel.name, "data", read);
        });
        socket.connect(host, port);
    }

    static function askWithBytes(host:String, port:Int, panel:Panel) {
        final socket = new Socket();
        final read = new ByteArray();
        final send = () -> {
            socket.writeUTFBytes(REQUEST);
            socket.writeByte(0);
            socket.flush();
        };
        listen(socket, panel, send, () -> {
            if (read.length == 0) panel.bad("ended without a byte");
            else if (read[read.length - 1] != 0) panel.bad('${read.length} bytes, and no NUL at the end');
            else if (!isPolicy(latin(read))) panel.bad('${read.length} bytes, and no policy');
            else panel.good('${read.length} bytes, the last of them NUL, and the end');
        });
        socket.addEventListener(ProgressEvent.SOCKET_DATA, (_) -> {
            socket.readBytes(read, read.length);
            panel.showBytes(read);
            panel.good('${read.length} bytes');
            tell(panel.name, "data", Dump.hex(read));
        });
        socket.connect(host, port);
    }

    /** What both kinds of socket have in common. */
    static function listen(socket:EventDispatcher, panel:Panel, connected:() -> Void, closed:() -> Void) {
        panel.good("connecting");
        socket.addEventListener(Event.CONNECT, (_) -> {
            panel.good("connected and asked");
            connected();
            tell(panel.name, "connect", "");
        });
        socket.addEventListener(Event.CLOSE, (_) -> {
            closed();
            tell(panel.name, "close", "");
        });
        final failed = (event:Dynamic) -> {
            panel.bad(event.text);
            tell(panel.name, "error", event.text);
        };
        socket.addEventListener(IOErrorEvent.IO_ERROR, failed);
        socket.addEventListener(SecurityErrorEvent.SECURITY_ERROR, failed);
    }

    static function isPolicy(text:String):Bool {
        return text.indexOf("<cross-domain-policy>") >= 0 && text.charAt(0) == "<";
    }

    static function latin(bytes:ByteArray):String {
        return [for (i in 0...bytes.length) String.fromCharCode(bytes[i])].join("");
    }

    static function tell(socket:String, event:String, text:String) {
        if (ExternalInterface.available) ExternalInterface.call("flashPolicy", socket, event, text);
    }
}
