import flash.errors.Error;
import flash.events.Event;
import flash.events.IOErrorEvent;
import flash.events.ProgressEvent;
import flash.events.SecurityErrorEvent;
import flash.net.Socket;
import flash.system.Security;
import flash.utils.ByteArray;

/**
 * A stream of objects, as the Flash client of 2007 to 2009 asked for one and read it: an HTTP/1.0 request in three pieces, a head whose status
 * nobody looks at, then packets: `p` or `P`, a length of two bytes, and data; `P` is the last of an object.
 */
class HessianStreamingService {
    /** A response head is no longer than this, and an object neither. */
    static inline final MOST_HEAD = 16384;
    static inline final MOST_OBJECT = 1048576;

    final socket = new Socket();
    final host:String;
    final port:Int;
    final path:String;
    final isFlushed:Bool;
    final input = new HessianInput();
    /** What has come and is not taken apart yet. */
    var bytes = new ByteArray();
    var object = new ByteArray();
    var isInHead = true;
    var isBroken = false;

    public dynamic function onEvent(event:String, text:String) {}
    public dynamic function onResult(object:Dynamic) {}

    public function new(host:String, port:Int, path:String, isFlushed:Bool) {
        this.host = host;
        this.port = port;
        this.path = path == null ? "/comet" : path;
        this.isFlushed = isFlushed;
    }

    public function connect() {
        // The player asks for the policy before it connects. (In Ruffle this does nothing, and its sockets need no policy.)
        Security.loadPolicyFile('xmlsocket://$host:$port');
        socket.addEventListener(Event.CONNECT, (_) -> {
            socket.writeUTFBytes('GET $path HTTP/1.0\r\n');
            socket.writeUTFBytes('Host: $host:$port\r\n');
            socket.writeUTFBytes("\r\n");
            // Flash Player sends by itself what was written. Ruffle waits for this.
            if (isFlushed) socket.flush();
            onEvent("connect", "");
        });
        socket.addEventListener(ProgressEvent.SOCKET_DATA, (_) -> read());
        socket.addEventListener(Event.CLOSE, (_) -> onEvent("close", ""));
        final failed = (event:Dynamic) -> onEvent("error", event.text);
        socket.addEventListener(IOErrorEvent.IO_ERROR, failed);
        socket.addEventListener(SecurityErrorEvent.SECURITY_ERROR, failed);
        socket.connect(host, port);
    }

    function read() {
        socket.readBytes(bytes, bytes.length);
        try {
            while (!isBroken && (isInHead ? head() : packet())) {}
        } catch (problem:Error) {
            // Out of step with its packets, the stream is of no more use.
            isBroken = true;
            socket.close();
            onEvent("error", problem.message);
        }
    }

    /** Up to the empty line. False: it is not complete. */
    function head():Bool {
        final length:Int = bytes.length;
        for (i in 0...length - 3) {
            if (bytes[i] == 13 && bytes[i + 1] == 10 && bytes[i + 2] == 13 && bytes[i + 3] == 10) {
                bytes.position = 0;
                onEvent("head", bytes.readUTFBytes(i));
                drop(i + 4);
                isInHead = false;
                return true;
            }
        }
        if (length > MOST_HEAD) throw new Error('a response head of more than $MOST_HEAD bytes');
        return false;
    }

    /** The next packet. False: it is not complete. */
    function packet():Bool {
        final length:Int = bytes.length;
        if (length < 3) return false;
        final kind = bytes[0];
        final size = bytes[1] << 8 | bytes[2];
        if (kind != "p".code && kind != "P".code) throw new Error('expected a packet, which begins with p or P, and read 0x${StringTools.hex(kind, 2)}');
        if (length < 3 + size) return false;
        if (object.length + size > MOST_OBJECT) throw new Error('an object of more than $MOST_OBJECT bytes');
        if (size > 0) object.writeBytes(bytes, 3, size);
        drop(3 + size);
        // An empty packet is a heartbeat, also between the packets of an object.
        if (kind == "P".code && size > 0) {
            final whole = object;
            object = new ByteArray();
            onResult(input.readObject(whole));
        }
        return true;
    }

    function drop(count:Int) {
        final rest = new ByteArray();
        final length:Int = bytes.length;
        if (length > count) rest.writeBytes(bytes, count, length - count);
        bytes = rest;
    }
}
