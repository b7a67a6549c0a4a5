import flash.Lib;
import flash.events.Event;
import flash.events.IOErrorEvent;
import flash.events.ProgressEvent;
import flash.events.SecurityErrorEvent;
import flash.external.ExternalInterface;
import flash.net.Socket;
import flash.text.TextField;
import flash.text.TextFieldAutoSize;
import flash.text.TextFormat;
import flash.utils.ByteArray;

/**
 * Listens to a stream as the clients of 2007 to 2009 did: writes a request in three pieces, skips the response head without a look at
 * it, cuts packets, and shows the field of each object, whose classes are defined once. Like them it never flushes, unless `flush` says so.
 *
 * Variables: `host`, `port`, `path`, `framing` (`p` or `varint`), `flush`. What it shows and how its socket fares is also told to the page's
 * `listened(event, text)`.
 */
class Listen {
    final socket = new Socket();
    final framing:String;
    /** Came and not yet taken apart. */
    var bytes:Array<Int> = [];
    var inHead = true;
    var message:Array<Int> = [];
    final classes:Array<{name:String, fields:Array<String>}> = [];
    var shown = 0;

    static function main() {
        new Listen(Lib.current.loaderInfo.parameters);
    }

    function new(variables:Dynamic) {
        framing = variables.framing;
        final host:String = variables.host;
        final port = Std.parseInt(variables.port);
        show('$framing from $host:$port', 0x8FA0B5);
        socket.addEventListener(Event.CONNECT, (_) -> {
            socket.writeUTFBytes('GET ${variables.path} HTTP/1.0\r\n');
            socket.writeUTFBytes('Host: $host:$port\r\n');
            socket.writeUTFBytes("\r\n");
            if (variables.flush == "yes") socket.flush();
            tell("connect", "");
        });
        socket.addEventListener(ProgressEvent.SOCKET_DATA, (_) -> {
            while (socket.bytesAvailable > 0) bytes.push(socket.readUnsignedByte());
            while (step()) {}
        });
        socket.addEventListener(Event.CLOSE, (_) -> tell("close", ""));
        final failed = (event:Dynamic) -> tell("error", event.text);
        socket.addEventListener(IOErrorEvent.IO_ERROR, failed);
        socket.addEventListener(SecurityErrorEvent.SECURITY_ERROR, failed);
        socket.connect(host, port);
    }

    /** Takes one thing from the front, if it is whole. */
    function step():Bool {
        if (inHead) {
            for (i in 0...bytes.length - 3) {
                if (bytes[i] == 13 && bytes[i + 1] == 10 && bytes[i + 2] == 13 && bytes[i + 3] == 10) {
                    bytes = bytes.slice(i + 4);
                    inHead = false;
                    return true;
                }
            }
            return false;
        }
        return framing == "p" ? packet() : varint();
    }

    /** `p` or `P`, a length of two bytes, data; `P` ends a message. */
    function packet():Bool {
        if (bytes.length < 3) return false;
        final kind = bytes[0];
        final length = bytes[1] << 8 | bytes[2];
        if (kind != "p".code && kind != "P".code) { fail('$kind begins no packet'); return false; }
        if (bytes.length < 3 + length) return false;
        message = message.concat(bytes.slice(3, 3 + length));
        bytes = bytes.slice(3 + length);
        if (kind == "P".code && length > 0) object();
        return true;
    }

    /** Lengths of seven bits a byte with their data; zero ends a message. */
    function varint():Bool {
        var length = 0;
        var at = 0;
        while (true) {
            if (at == bytes.length) return false;
            final byte = bytes[at++];
            length = (length << 7) | (byte & 0x7f);
            if (byte < 0x80) break;
        }
        if (length > 0) {
            if (bytes.length < at + length) return false;
            message = message.concat(bytes.slice(at, at + length));
        }
        bytes = bytes.slice(at + length);
        if (length == 0 && message.length > 0) object();
        return true;
    }

    /** Of the draft (`O` defines, `o` is one) or of Hessian 2.0 (`C`, and 60 and more or `O`). */
    function object() {
        var at = 0;
        final int = () -> message[at++] - 0x90;
        final string = () -> {
            var length = message[at++];
            if (length >= 0x30 && length < 0x34) length = (length - 0x30) << 8 | message[at++];
            final text = new ByteArray();
            for (i in 0...length) text.writeByte(message[at++]);
            text.position = 0;
            text.readUTFBytes(text.length);
        }
        final isDraft = framing != null && (message[0] == "o".code || message[0] == "O".code && message[1] < 0x20);
        while (message[at] == (isDraft ? "O".code : "C".code)) {
            at++;
            final name = string();
            final count = int();
            classes.push({ name: name, fields: [for (i in 0...count) string()] });
        }
        final tag = message[at++];
        final number = tag >= 0x60 && tag < 0x6f ? tag - 0x60 : int();
        final known = classes[number];
        if (known == null) { fail('class $number is not defined'); return; }
        final text = [for (field in known.fields) '${known.name}.$field = ${string()}'].join(", ");
        message = [];
        show('${++shown}. $text', 0x7FD18C);
        tell("object", text);
    }

    function fail(what:String) {
        show(what, 0xFF8A7A);
        tell("error", what);
    }

    var lines = 0;

    function show(text:String, colour:Int) {
        final line = new TextField();
        line.defaultTextFormat = new TextFormat("_sans", 16, colour);
        line.autoSize = TextFieldAutoSize.LEFT;
        line.x = 16;
        line.y = 16 + 28 * lines++;
        line.text = text;
        Lib.current.addChild(line);
    }

    static function tell(event:String, text:String) {
        if (ExternalInterface.available) ExternalInterface.call("listened", event, text);
    }
}
