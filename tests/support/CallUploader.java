import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Sends forms as SDRTrunk does: its HttpClient, its settings, its boundary.
 *
 * Arguments: address, then for each request a file with its body, or a minus sign and a file for one
 * that goes by HTTP/1.1, as SDRTrunk's probe does. Prints each answer's status and body in a line.
 */
public class CallUploader {
    private static final String BOUNDARY = "--sdrtrunk-sdrtrunk-sdrtrunk";

    public static void main(String[] arguments) throws Exception {
        HttpClient uploads = client(HttpClient.Version.HTTP_2);
        HttpClient probes = client(HttpClient.Version.HTTP_1_1);
        for (int i = 1; i < arguments.length; i++) {
            boolean probe = arguments[i].startsWith("-");
            byte[] body = Files.readAllBytes(Path.of(probe ? arguments[i].substring(1) : arguments[i]));
            HttpRequest.Builder request = HttpRequest.newBuilder()
                .uri(URI.create(arguments[0]))
                .header("Content-Type", "multipart/form-data; boundary=" + BOUNDARY)
                .header("User-Agent", "sdrtrunk");
            if (probe) {
                request = request.header("Accept", "*/*");
            }
            HttpResponse<String> answer = (probe ? probes : uploads)
                .sendAsync(
                    request.POST(HttpRequest.BodyPublishers.ofByteArray(body)).build(),
                    HttpResponse.BodyHandlers.ofString())
                .get();
            System.out.println(answer.statusCode() + " " + answer.body().replace("\n", "|"));
        }
    }

    private static HttpClient client(HttpClient.Version version) {
        return HttpClient.newBuilder()
            .version(version)
            .followRedirects(HttpClient.Redirect.NORMAL)
            .connectTimeout(Duration.ofSeconds(20))
            .build();
    }
}
