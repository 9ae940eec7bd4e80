import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Posts so many bytes so many times with Java's own client and prints what each post came to. */
class Client {
    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        var body = HttpRequest.BodyPublishers.ofByteArray(new byte[Integer.parseInt(arguments[1])]);
        var request = HttpRequest.newBuilder(URI.create(arguments[0]))
            .header("content-type", "application/json").POST(body).build();
        for (int time = 0; time < Integer.parseInt(arguments[2]); time++) {
            try {
                System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
            } catch (java.io.IOException error) {
                System.out.println(error);
            }
        }
    }
}
